/** What a person can do, as requests; what it changes is shown before Python has answered. */

import { RequestError, type Client } from "./client";
import type { Loaders } from "./loaders";
import type { Pages } from "./pages";
import type { Decided, Decision, Done, PageQuery, TestRow } from "./protocol";
import type { Panel, Store, View } from "./store";
import type { Unanswered } from "./traits";

export interface Actions {
  ask(query: Partial<PageQuery>): void;
  select(row: number): void;
  mark(rows: readonly number[], marked: boolean): void;
  decide(rows: readonly number[], decision: Decision, note?: string): void;
  /** The training row that keys act on. */
  activate(row: number): void;
  choose(selection: ReadonlySet<number>): void;
  find(): void;
  verify(): void;
  cancel(): void;
  undo(): void;
  redo(): void;
  setThreshold(value: number): void;
  exportTo(path: string): void;
  open(panel: Panel): void;
  /** Decide about the suspect in front, and go on to the next. */
  judge(decision: Decision | "skip", note?: string): void;
  setFilling(on: boolean): void;
}

export function createActions(
  store: Store<View>,
  client: Client,
  pages: Pages<TestRow, PageQuery>,
  load: Loaders,
  unanswered: Unanswered,
): Actions {
  const report = async (answer: Promise<Done | Decided>) => {
    try {
      const done = await answer;
      store.set({ notice: done.message, failed: false });
      if ("forecast" in done) store.set({ forecast: done.forecast });
    } catch (error) {
      if (!(error instanceof RequestError) || error.reason === "aborted") return;
      store.set({ notice: error.message, failed: error.reason !== "cancelled" });
    }
  };
  const foretold = async (change: Partial<View>, answer: Promise<Done | Decided>) => {
    store.set(change);
    unanswered.count += 1;
    await report(answer);
    unanswered.count -= 1;
    if (unanswered.count === 0) unanswered.settle();
  };
  const marked = (rows: readonly number[], on: boolean) => {
    const relabelled = new Set(store.get().relabelled);
    for (const row of rows) on ? relabelled.add(row) : relabelled.delete(row);
    return { relabelled };
  };
  const decide = (rows: readonly number[], decision: Decision, note = "") => {
    if (rows.length === 0) return;
    void foretold(marked(rows, decision === "relabel"), client.request("decide", { rows: [...rows], decision, note }));
  };
  return {
    ask(change) {
      const query = { ...store.get().query, ...change };
      store.set({ query });
      pages.reset(query);
    },
    select(row) {
      if (row === store.get().testRow) return;
      void foretold({ testRow: row }, client.request("select", { row }));
      load.ranking();
    },
    mark(rows, on) {
      if (rows.length > 0) void foretold(marked(rows, on), client.request("mark", { rows: [...rows], marked: on }));
    },
    decide,
    activate(row) {
      if (row === store.get().active) return;
      store.set({ active: row });
      load.words();
    },
    choose: (selection) => store.set({ selection }),
    find() {
      const row = store.get().testRow;
      if (row === null) return;
      void load.searching(row, report(client.request("find", { row })));
    },
    verify: () => void report(client.request("verify", {})),
    cancel: () => void report(client.request("cancel", {})),
    undo: () => void report(client.request("undo", {})),
    redo: () => void report(client.request("redo", {})),
    setThreshold: (value) => void report(client.request("threshold", { value })),
    exportTo: (path) => void report(client.request("export", { path })),
    open(panel) {
      store.set({ panel });
      if (panel === "history") load.history();
      if (panel === "queue") load.queue();
    },
    judge(decision, note) {
      const { queue, queueAt } = store.get();
      const suspect = queue?.[queueAt];
      if (suspect === undefined) return;
      if (decision !== "skip") decide([suspect.row], decision, note);
      store.set({ queueAt: queueAt + 1 });
    },
    setFilling: (filling) => store.set({ filling }),
  };
}
