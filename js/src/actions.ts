/** User actions, as requests; their effect is shown before Python has answered. */

import { RequestError, type Client } from "./client";
import type { Loaders } from "./loaders";
import type { Pages } from "./pages";
import type { Choice, Decided, Decision, Done, Matter, PageQuery, TestRow } from "./protocol";
import { createQueue, type Queue, type Suspects } from "./queue";
import { draftOf, inTurn, type PaneName, type Panel, type Store, type View } from "./store";
import type { Unanswered } from "./traits";

export interface Actions extends Queue {
  ask(query: Partial<PageQuery>): void;
  select(row: number): void;
  /** The note being written about rows; their next decision takes it along. */
  draft(rows: readonly number[], note: string): void;
  /** `labels` are the new ones of the rows, one each; without them Python takes those that it suggests. */
  decide(rows: readonly number[], decision: Decision, labels?: readonly string[]): void;
  /** The training row that keys act on. */
  activate(row: number): void;
  choose(selection: ReadonlySet<number>): void;
  /** From the history to a training row; it is seen beside a test row. */
  lead(row: number): void;
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
    const body = { rows: [...rows], decision, labels: labels === undefined ? null : [...labels], note: note.trim() };
    const change = decision === "adjudicate" ? {} : marked(rows, decision === "relabel");
    const failed = await optimistic(change, client.request("decide", body));
    if (failed === undefined && draftOf(store.get(), rows) === note) draft(rows, "");
    return failed;
  };
  let settled = ""; // the title of the last matter that was
  const queue = createQueue(store, client, suspects, { decide, report });
  return {
    ...queue,
    ask(change) {
      const query = { ...store.get().query, ...change };
      store.set({ query });
      pages.reset(query);
    },
    select(row) {
      store.set({ pane: "why" });
      if (row === store.get().testRow) return;
      void optimistic({ testRow: row }, client.request("select", { row }));
      load.ranking();
    },
    draft,
    decide: (rows, decision, labels) => void decide(rows, decision, labels),
    activate(row) {
      if (row === store.get().active) return;
      store.set({ active: row });
      load.words();
    },
    choose: (selection) => store.set({ selection }),
    lead(row) {
      if (store.get().testRow === null) return store.set({ notice: `Pick a test row first: training row ${row} is shown beside one.`, failed: false });
      store.set({ panel: "none", pane: "why", active: row, selection: new Set() });
      load.words();
    },
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
      await report(client.request("undo", {}));
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
