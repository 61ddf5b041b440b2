/** Joins the model to the store: traits and answers flow in, what the person does flows out as requests. */

import type { AnyModel } from "@anywidget/types";
import { createClient, RequestError, type Client } from "./client";
import { decodeState } from "./codec";
import { createPages, type Pages } from "./pages";
import type { Done, PageQuery, Shared, Traits } from "./protocol";
import { createStore, FIRST_QUERY, type Store, type View } from "./store";

export interface Actions {
  ask(query: Partial<PageQuery>): void;
  select(row: number): void;
  mark(rows: readonly number[], marked: boolean): void;
  find(): void;
  verify(): void;
  cancel(): void;
  undo(): void;
  redo(): void;
  setThreshold(value: number): void;
  exportTo(path: string): void;
}

export interface Session {
  store: Store<View>;
  pages: Pages;
  actions: Actions;
  dispose(): void;
}

const PATIENCE = 8_000; // ms
const SILENCE = "The kernel has not answered yet. If no cell is running, run the cell of this widget again.";

const EMPTY: Shared = {
  revision: 0,
  nTrain: 0,
  nTest: 0,
  classes: ["", ""],
  labelled: false,
  canUndo: false,
  canRedo: false,
  exportPath: "",
  status: "",
  verification: null,
};

type Model = AnyModel<Traits & Record<string, unknown>>;

function readTraits(model: Model) {
  return {
    testRow: model.get("test_row"),
    relabelled: new Set(model.get("relabelled")),
    busy: model.get("busy"),
    threshold: model.get("threshold"),
  };
}

function readShared(model: Model): { shared: Shared; problem: string } {
  try {
    return { shared: decodeState(model.get("_state")), problem: "" };
  } catch (error) {
    return { shared: EMPTY, problem: `The widget's state could not be read. ${String(error)}` };
  }
}

function firstView(model: Model): View {
  const { shared, problem } = readShared(model);
  return {
    shared,
    ...readTraits(model),
    query: FIRST_QUERY,
    ranking: null,
    rankingState: "idle",
    rankingError: "",
    progress: null,
    notice: problem || shared.status,
    failed: problem !== "",
  };
}

/** Loads the ranking of the chosen row; an answer that comes after a newer question is dropped. */
function createRankings(store: Store<View>, client: Client) {
  let latest = new AbortController();
  let shown: number | null = null;

  async function load() {
    latest.abort();
    const { signal } = (latest = new AbortController());
    const row = store.get().testRow;
    if (row === null) {
      shown = null;
      return store.set({ ranking: null, rankingState: "idle" });
    }
    store.set(row === shown ? { rankingState: "loading" } : { ranking: null, rankingState: "loading" });
    try {
      const ranking = await client.request("ranking", { row }, { signal });
      shown = row;
      store.set({ ranking, rankingState: "ready" });
    } catch (error) {
      if (signal.aborted) return;
      const rankingError = error instanceof Error ? error.message : String(error);
      store.set({ ranking: null, rankingState: "failed", rankingError });
    }
  }

  return { load: () => void load(), stop: () => latest.abort() };
}

/**
 * A choice or mark shows at once. Until Python has answered the last of them, traits that arrive may echo an
 * earlier one and are left alone; then the model's word stands, also where Python refused.
 */
interface Unanswered {
  count: number;
  settle(): void;
}

function createActions(
  store: Store<View>,
  client: Client,
  pages: Pages,
  loadRanking: () => void,
  unanswered: Unanswered,
): Actions {
  const report = async (answer: Promise<Done>) => {
    try {
      store.set({ notice: (await answer).message, failed: false });
    } catch (error) {
      if (!(error instanceof RequestError) || error.reason === "aborted") return;
      store.set({ notice: error.message, failed: error.reason !== "cancelled" });
    }
  };
  const foretold = async (change: Partial<View>, answer: Promise<Done>) => {
    store.set(change);
    unanswered.count += 1;
    await report(answer);
    unanswered.count -= 1;
    if (unanswered.count === 0) unanswered.settle();
  };
  const chosen = (act: (row: number) => void) => {
    const row = store.get().testRow;
    if (row !== null) act(row);
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
      loadRanking();
    },
    mark(rows, marked) {
      const relabelled = new Set(store.get().relabelled);
      for (const row of rows) marked ? relabelled.add(row) : relabelled.delete(row);
      void foretold({ relabelled }, client.request("mark", { rows: [...rows], marked }));
    },
    find: () => chosen((row) => void report(client.request("find", { row }))),
    verify: () => void report(client.request("verify", {})),
    cancel: () => void report(client.request("cancel", {})),
    undo: () => void report(client.request("undo", {})),
    redo: () => void report(client.request("redo", {})),
    setThreshold: (value) => void report(client.request("threshold", { value })),
    exportTo: (path) => void report(client.request("export", { path })),
  };
}

/** Follows the traits; returns what stops it. */
function follow(
  model: Model,
  store: Store<View>,
  onData: () => void,
  loadRanking: () => void,
  unanswered: Unanswered,
): () => void {
  const onTraits = () => {
    const { testRow, relabelled, busy, threshold } = readTraits(model);
    store.set(busy ? { busy, threshold } : { busy, threshold, progress: null });
    if (unanswered.count > 0) return;
    const before = store.get();
    const same = relabelled.size === before.relabelled.size && [...relabelled].every((row) => before.relabelled.has(row));
    store.set(same ? { testRow } : { testRow, relabelled });
    if (testRow !== before.testRow) loadRanking();
  };
  unanswered.settle = onTraits;
  const onState = () => {
    const before = store.get().shared;
    const { shared, problem } = readShared(model);
    const notice = problem || shared.status;
    store.set(notice === before.status ? { shared } : { shared, notice, failed: problem !== "" });
    if (shared.revision !== before.revision) onData();
  };
  const names = ["test_row", "relabelled", "busy", "threshold"].map((name) => `change:${name}`);
  for (const name of names) model.on(name, onTraits);
  model.on("change:_state", onState);
  return () => {
    for (const name of names) model.off(name, onTraits);
    model.off("change:_state", onState);
  };
}

/** A saved notebook shows the page, too, but nobody answers it. */
function watchForSilence(store: Store<View>, pages: Pages): () => void {
  const timer = setTimeout(() => {
    if (pages.total() === undefined) store.set({ notice: SILENCE, failed: true });
  }, PATIENCE);
  const stop = pages.subscribe(() => {
    if (store.get().notice === SILENCE && pages.total() !== undefined) store.set({ notice: "", failed: false });
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}

export function createSession(model: Model): Session {
  const store = createStore(firstView(model));
  const client = createClient(model, (progress) => store.set({ progress }));
  const pages = createPages((body, signal) => client.request("page", body, { signal }), FIRST_QUERY);
  const rankings = createRankings(store, client);
  const onData = () => {
    pages.refresh();
    rankings.load();
  };
  const unanswered: Unanswered = { count: 0, settle() {} };
  const unfollow = follow(model, store, onData, rankings.load, unanswered);
  const actions = createActions(store, client, pages, rankings.load, unanswered);
  rankings.load();
  const unwatch = watchForSilence(store, pages);
  return {
    store,
    pages,
    actions,
    dispose() {
      unwatch();
      unfollow();
      rankings.stop();
      pages.dispose();
      client.dispose();
    },
  };
}
