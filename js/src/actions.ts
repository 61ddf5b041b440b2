/** User actions, as requests; their effect is shown before Python has answered. */

import { RequestError, type Client } from "./client";
import type { Loaders } from "./loaders";
import type { Pages } from "./pages";
import type { Choice, Decided, Decision, Done, Matter, PageQuery, TestRow, TrainQuery, TrainRow } from "./protocol";
import { createQueue, type Queue, type Suspects } from "./queue";
import { ALL_ROWS, besideOf, draftOf, inTurn, type PaneName, type Panel, type Store, type View } from "./store";
import type { Unanswered } from "./traits";

export interface Actions extends Queue {
  ask(query: Partial<PageQuery>): void;
  select(row: number): void;
  /** The note being written about rows; their next decision takes it along. */
  draft(rows: readonly number[], note: string): void;
  /** `labels` are the new ones of the rows, one each; without them Python takes those that it suggests. */
  decide(rows: readonly number[], decision: Decision, labels?: readonly string[]): void;
  /** What is tried from now on, and nothing else; a label that is null is left to Python. Nothing of it is recorded. */
  tryLabels(labels: ReadonlyMap<number, string | null>): void;
  /** Begin to decide about the rows of the flip set one by one, or end it. */
  step(): void;
  /** The training row that keys act on. */
  activate(row: number): void;
  choose(selection: ReadonlySet<number>): void;
  /** To a training row in the list of all of them, or to the first that a search finds. */
  lead(row: number | null, search?: string): void;
  askRows(query: Partial<TrainQuery>): void;
  unfold(open: boolean): void;
  /** The class to look for a set to; null for any other. */
  aim(target: string | null): void;
  find(): void;
  verify(): void;
  cancel(): void;
  undo(): void;
  redo(): void;
  setThreshold(value: number): void;
  exportTo(path: string, overwrite?: boolean): void;
  /** Keep the existing file. */
  keepFile(): void;
  open(panel: Panel): void;
  show(pane: PaneName): void;
  resize(height: number): void;
  /** Decide a matter; the next one is in front at once. */
  settle(matter: Matter, choice: Choice): void;
  /** To the next matter. */
  pass(): void;
  setFilling(on: boolean): void;
}

export function createActions(
  store: Store<View>,
  client: Client,
  pages: Pages<TestRow, PageQuery>,
  lines: Pages<TrainRow, TrainQuery>,
  load: Loaders,
  unanswered: Unanswered,
  suspects: Suspects,
): Actions {
  /** Reports the outcome of a request; returns the error, if any. */
  const report = async (answer: Promise<Done | Decided>): Promise<RequestError | undefined> => {
    try {
      const done = await answer;
      store.set({ notice: done.message, failed: false });
      if ("forecast" in done) store.set({ forecast: done.forecast });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const elsewhere = error.reason === "aborted" || error.reason === "exists"; // the widget was closed, or the user is being asked
      if (!elsewhere) store.set({ notice: error.message, failed: error.reason !== "cancelled" });
      return error;
    }
    return undefined;
  };
  const optimistic = async (change: Partial<View>, answer: Promise<Done | Decided>) => {
    store.set(change);
    unanswered.count += 1;
    const failed = await report(answer);
    unanswered.count -= 1;
    if (unanswered.count === 0) unanswered.settle();
    return failed;
  };
  const marked = (rows: readonly number[], on: boolean) => {
    const relabelled = new Set(store.get().relabelled);
    for (const row of rows) on ? relabelled.add(row) : relabelled.delete(row);
    return { relabelled };
  };
  const draft = (rows: readonly number[], note: string) => {
    const drafts = new Map(store.get().drafts);
    note === "" ? drafts.delete(String(rows)) : drafts.set(String(rows), note);
    store.set({ drafts });
  };
  const decide = async (rows: readonly number[], decision: Decision, labels?: readonly string[]) => {
    if (rows.length === 0) return undefined;
    const note = draftOf(store.get(), rows);
    const body = { rows: [...rows], decision, labels: labels === undefined ? null : [...labels], test_row: besideOf(store.get()), note: note.trim() };
    const change = decision === "adjudicate" ? {} : marked(rows, decision === "relabel");
    const failed = await optimistic(change, client.request("decide", body));
    if (failed === undefined && draftOf(store.get(), rows) === note) draft(rows, "");
    return failed;
  };
  const tryLabels = (onTrial: ReadonlyMap<number, string | null>) => {
    const body = { rows: [...onTrial.keys()], labels: [...onTrial.values()] };
    void optimistic({ onTrial }, client.request("try", body));
  };
  /** To the first of these rows. */
  const stepTo = (steps: readonly number[]) => {
    const [active] = steps;
    if (active === undefined) return store.set({ steps: null });
    store.set({ steps, active, selection: new Set() });
    load.words();
  };
  /** Rows of the flip set that are to be decided about again. */
  const stepBack = (rows: readonly number[]) => {
    const { steps, ranking } = store.get();
    const again = rows.filter((row) => ranking?.flip?.rows.includes(row));
    if (steps !== null && again.length > 0) stepTo([...again, ...steps.filter((row) => !again.includes(row))]);
  };
  const askRows = (change: Partial<TrainQuery>) => {
    const { trainQuery: before } = store.get();
    const trainQuery = { ...before, ...change, asked: before.asked + 1 };
    lines.reset(trainQuery);
    store.set({ trainQuery });
  };
  let settled = ""; // the title of the last matter that was
  const queue = createQueue(store, client, suspects, { decide, report });
  return {
    ...queue,
    ask(change) {
      const query = { ...store.get().query, ...change };
      store.set({ query });
      pages.reset(query);
      load.spread();
    },
    unfold(open) {
      if (open) load.unfold();
      else store.set({ spread: null });
    },
    select(row) {
      store.set({ pane: "why" });
      if (row === store.get().testRow) return;
      void optimistic({ testRow: row }, client.request("select", { row }));
      load.ranking();
    },
    draft,
    decide(rows, decision, labels) {
      const { steps } = store.get();
      void decide(rows, decision, labels).then((failed) => failed && stepBack(rows));
      if (steps !== null && decision !== "clear") stepTo(steps.filter((row) => !rows.includes(row)));
    },
    tryLabels,
    step() {
      const { steps, ranking, testRow, onTrial, relabelled } = store.get();
      if (steps !== null || testRow === null) return store.set({ steps: null });
      if (onTrial.size > 0) tryLabels(new Map());
      void load.searching(testRow, Promise.resolve()); // brings the set to the top
      stepTo(ranking?.flip?.open.filter((row) => !relabelled.has(row)) ?? []); // a mark of this moment may not be told yet
    },
    activate(row) {
      if (row === store.get().active) return;
      store.set({ active: row });
      load.words();
    },
    choose: (selection) => store.set({ selection }),
    lead(active, search = "") {
      store.set({ panel: "rows", active, selection: new Set() });
      askRows({ ...ALL_ROWS, search });
      load.words();
    },
    askRows,
    aim: (target) => store.set({ target }),
    find() {
      const { testRow: row, target } = store.get();
      if (row === null) return;
      void load.searching(row, report(client.request("find", { row, target })));
    },
    verify: () => void report(client.request("verify", {})),
    cancel: () => void report(client.request("cancel", {})),
    async undo() {
      if (store.get().panel === "queue") return queue.takeBack();
      const answer = client.request("undo", {});
      if ((await report(answer)) === undefined) stepBack((await answer).rows);
      store.set({ front: settled });
    },
    redo: () => void report(client.request("redo", {})),
    setThreshold: (value) => void report(client.request("threshold", { value })),
    async exportTo(path, overwrite = false) {
      store.set({ replacing: "" });
      const failed = await report(client.request("export", { path, overwrite, every: store.get().every }));
      if (failed?.reason === "exists") store.set({ replacing: path });
    },
    keepFile: () => store.set({ replacing: "" }),
    open(panel) {
      store.set({ panel });
      store.set({ matters: null });
      load.panel();
      load.words();
      if (panel === "rows") askRows({});
      queue.onPanel();
    },
    show: (pane) => store.set({ pane }),
    resize: (height) => store.set({ height }),
    async settle(matter, { decision, label, note }) {
      const { row, title } = matter;
      const { matters } = store.get();
      if (row === null || matters === null) return;
      const rest = inTurn(store.get()).filter((one) => one !== matter);
      store.set({ matters: { ...matters, matters: rest }, front: rest[0]?.title ?? "" });
      settled = title;
      if (draftOf(store.get(), [row]) === "") draft([row], note);
      if ((await decide([row], decision, label === null ? undefined : [label])) === undefined) return;
      store.set({ front: title });
      load.panel();
    },
    pass: () => store.set({ front: inTurn(store.get())[1]?.title ?? "" }),
    setFilling: (filling) => store.set({ filling }),
  };
}
