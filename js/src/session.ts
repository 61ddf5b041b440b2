/** Connects the model to the store: traits and answers flow in, user actions flow out as requests. */

import { createActions, type Actions } from "./actions";
import { createClient, type Client } from "./client";
import { createLoaders, type Bars } from "./loaders";
import { createPages, type Pages } from "./pages";
import type { PageQuery, Progress, Sizes, TestRow, TrainQuery, TrainRow } from "./protocol";
import { createSuspects, type Suspects } from "./queue";
import { ALL_ROWS, createStore, FIRST_QUERY, type Store, type View } from "./store";
import { firstView, follow, type Model, type Unanswered } from "./traits";

export type { Actions } from "./actions";
export type TestPages = Pages<TestRow, PageQuery>;
export type BarPages = Pages<TrainRow, Bars>;
export type TrainPages = Pages<TrainRow, TrainQuery>;

export interface Session {
  store: Store<View>;
  pages: TestPages;
  bars: BarPages;
  lines: TrainPages;
  suspects: Suspects;
  actions: Actions;
  /** These test rows are visible. */
  watch(rows: number[]): void;
  /** What is to be undone when the view is removed and would not go with its elements. */
  atEnd(undo: () => void): void;
  dispose(): void;
}

const PATIENCE = 6_000; // ms
const HEARTBEAT = 5_000;
export const SILENCE =
  "The kernel is not responding. A cell may be running; if the kernel has stopped, rerun the cell of this " +
  "widget. Decisions in a store are kept.";
const STRANGE = "This page is of another version than the kernel. Reload the page, then run the cell of this widget again.";

/** Tells Python that a view is open, and notices when Python does not respond. */
function createWatch(store: Store<View>, client: Client, onFilled: () => void) {
  let rows: number[] = [];
  let patience = 0;
  let unanswered = 0;
  const heard = () => {
    clearTimeout(patience);
    patience = 0;
    if (store.get().silent) store.set({ silent: false });
  };
  const expect = (wait = PATIENCE) => {
    if (patience === 0) patience = window.setTimeout(() => store.set({ silent: true }), wait);
  };
  async function say() {
    expect();
    unanswered += 1;
    try {
      const before = store.get().filled?.done;
      const filled = await client.request("watch", { rows, on: store.get().filling });
      store.set({ filled });
      if (filled.done !== before) onFilled();
    } catch {
      // refused or closed: nothing to show
    }
    unanswered -= 1;
  }
  const beat = window.setInterval(() => {
    if (document.visibilityState !== "hidden" && unanswered === 0) void say(); // a busy kernel gets no pile of them
  }, HEARTBEAT);
  let filling = store.get().filling;
  const unsubscribe = store.subscribe((view) => {
    if (view.filling === filling) return;
    filling = view.filling;
    void say();
  });
  expect();
  return {
    heard,
    probe: () => void say(),
    watch(next: number[]) {
      if (next.length === rows.length && next.every((row, i) => row === rows[i])) return;
      rows = next;
      void say();
    },
    stop() {
      clearInterval(beat);
      clearTimeout(patience);
      unsubscribe();
    },
  };
}

export function createSession(model: Model): Session {
  const store = createStore(firstView(model));
  let teller = ""; // the request that last told how far it is
  const onProgress = (progress: Progress & { id: string }) => {
    teller = progress.id;
    const same = store.get().progress?.phase === progress.phase;
    store.set(same ? { progress } : { progress, since: Date.now() });
  };
  const onSizes = ({ row, size, ...filled }: Sizes) => {
    store.set({ filled });
    if (row !== null && size !== null) pages.patch((line) => (line.row === row ? { ...line, size } : undefined));
  };
  const client = createClient(model, {
    onProgress,
    onSizes,
    onHeard: () => watch.heard(),
    onLost: () => store.set({ silent: true }),
    onStrange: () => store.set({ notice: STRANGE, failed: true }),
    onEnd: (id) => id === teller && !store.get().busy && store.set({ progress: null }),
  });
  const watch = createWatch(store, client, () => load.spread());
  const pages: TestPages = createPages(
    (query, offset, limit) => client.request("page", { ...query, offset, limit }),
    FIRST_QUERY,
  );
  const bars: BarPages = createPages(
    async ({ row, setFirst }, offset, limit) =>
      row === null ? { total: 0, rows: [] } : client.request("bars", { row, set_first: setFirst, offset, limit }),
    { row: null, setFirst: true } as Bars,
  );
  const lines: TrainPages = createPages(async (query, offset, limit) => {
    const found = await client.request("train_rows", { ...query, offset, limit });
    store.set({ decided: found.words });
    return found;
  }, ALL_ROWS);
  const load = createLoaders(store, client, bars);
  let { revision } = store.get().shared;
  /** What has changed is fetched; what the queue hides, when it is seen again. */
  store.subscribe(({ panel, shared }) => {
    if (panel === "queue" || revision === shared.revision) return;
    revision = shared.revision;
    pages.refresh();
    if (panel === "rows") lines.refresh();
    load.refresh();
  });
  const unanswered: Unanswered = { count: 0, settle() {} };
  const unfollow = follow(model, store, unanswered, { onChoice: load.ranking, onConnection: watch.probe });
  const suspects = createSuspects(client, load.outlook);
  const actions = createActions(store, client, pages, lines, load, unanswered, suspects);
  load.ranking();
  const ends = [client.dispose, suspects.dispose, actions.stop, lines.dispose, bars.dispose, pages.dispose, load.stop, unfollow, watch.stop];
  return {
    store,
    pages,
    bars,
    lines,
    suspects,
    actions,
    watch: watch.watch,
    atEnd: (undo) => void ends.push(undo),
    dispose() {
      for (const end of ends.splice(0).reverse()) end();
    },
  };
}
