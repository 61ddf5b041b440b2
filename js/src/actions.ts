/** User actions, as requests; their effect is shown before Python has answered. */

import { RequestError, type Client } from "./client";
import type { Loaders } from "./loaders";
import type { Pages } from "./pages";
import type { Decided, Decision, Done, PageQuery, TestRow, TrainQuery, TrainRow } from "./protocol";
import { ALL_ROWS, besideOf, draftOf, type PaneName, type Panel, type Store, type View } from "./store";
import type { Unanswered } from "./traits";

export interface Actions {
  ask(query: Partial<PageQuery>): void;
  select(row: number): void;
  /** The note being written about rows; their next decision takes it along. */
  draft(rows: readonly number[], note: string): void;
  /** `labels` are the new ones of the rows, one each; without them Python takes those that it suggests. */
  decide(rows: readonly number[], decision: Decision, labels?: readonly string[]): void;
  /** The training row that keys act on. */
  activate(row: number): void;
  choose(selection: ReadonlySet<number>): void;
  /** To a training row in the list of all of them. */
  lead(row: number): void;
  askRows(query: Partial<TrainQuery>): void;
  unfold(open: boolean): void;
  /** The class to look for a set to; null for any other. */
  aim(target: string | null): void;
  find(): void;
  verify(): void;
  cancel(): void;
  undo(): void;
  /** To the suspect before. */
  back(): void;
  redo(): void;
  setThreshold(value: number): void;
  exportTo(path: string, overwrite?: boolean): void;
  /** Keep the existing file. */
  keepFile(): void;
  open(panel: Panel): void;
  show(pane: PaneName): void;
  resize(height: number): void;
  /** Decide about the current suspect, by default for the suggested label; the next one appears once the decision is recorded. */
  judge(decision: Decision | "skip", label?: string): void;
  setFilling(on: boolean): void;
}

export function createActions(
  store: Store<View>,
  client: Client,
  pages: Pages<TestRow, PageQuery>,
  lines: Pages<TrainRow, TrainQuery>,
  load: Loaders,
  unanswered: Unanswered,
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
    const failed = await optimistic(marked(rows, decision === "relabel"), client.request("decide", body));
    if (failed === undefined && draftOf(store.get(), rows) === note) draft(rows, "");
    return failed;
  };
  const askRows = (change: Partial<TrainQuery>) => {
    const { trainQuery: before } = store.get();
    const trainQuery = { ...before, ...change, asked: before.asked + 1 };
    lines.reset(trainQuery);
    store.set({ trainQuery });
  };
  return {
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
    decide: (rows, decision, labels) => void decide(rows, decision, labels),
    activate(row) {
      if (row === store.get().active) return;
      store.set({ active: row });
      load.words();
    },
    choose: (selection) => store.set({ selection }),
    lead(row) {
      store.set({ panel: "rows", active: row, selection: new Set() });
      askRows(ALL_ROWS);
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
      const { panel } = store.get();
      if (panel !== "queue") return void report(client.request("undo", {}));
      store.set({ judging: true }); // keys typed ahead are meant for the suspect that comes back
      const failed = await report(client.request("undo", {}));
      const { queue, judged } = store.get();
      const place = queue?.findIndex(({ row }) => row === judged.at(-1)) ?? -1;
      if (failed !== undefined || place < 0) store.set({ judging: false });
      else store.set({ judging: false, judged: judged.slice(0, -1), queueAt: place, queueError: "" });
    },
    back: () => store.set({ queueAt: Math.max(0, store.get().queueAt - 1), queueError: "" }),
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
      load.words();
      if (panel === "history") load.history();
      if (panel === "rows") askRows({});
      if (panel === "queue") {
        store.set({ judged: [] });
        load.queue();
      }
    },
    show: (pane) => store.set({ pane }),
    resize: (height) => store.set({ height }),
    async judge(decision, label) {
      const inFront = ({ queue, queueAt } = store.get()) => queue?.[queueAt]?.row;
      const { queue, queueAt: at } = store.get();
      const suspect = queue?.[at];
      if (suspect === undefined) return;
      const { row, suggested } = suspect;
      store.set({ judging: decision !== "skip", queueError: "" });
      const failed = decision === "skip" ? undefined : await decide([row], decision, decision === "relabel" ? [label ?? suggested] : undefined);
      const queueError = failed === undefined ? "" : `Not recorded. ${failed.message}`;
      const { queueAt } = store.get();
      const next = failed === undefined && inFront() === row ? queueAt + 1 : queueAt; // the ranking may have changed meanwhile
      const judged = failed === undefined && decision !== "skip" ? [...store.get().judged, row] : store.get().judged;
      store.set({ judging: false, judged, queueError, queueAt: next });
    },
    setFilling: (filling) => store.set({ filling }),
  };
}
