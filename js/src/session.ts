/** Connects the model to the store: traits and answers flow in, user actions flow out as requests. */

import { createActions, type Actions } from "./actions";
import { createClient, type Client } from "./client";
import { createLoaders, type Bars } from "./loaders";
import { createPages, type Pages } from "./pages";
import { createSuspects, type Suspects } from "./queue";
import type { PageQuery, Progress, Sizes, TestRow, TrainRow } from "./protocol";
import { createStore, FIRST_QUERY, type Store, type View } from "./store";
import { firstView, follow, type Model, type Unanswered } from "./traits";

export type { Actions } from "./actions";
export type TestPages = Pages<TestRow, PageQuery>;
export type BarPages = Pages<TrainRow, Bars>;

export interface Session {
  store: Store<View>;
  pages: TestPages;
  bars: BarPages;
  suspects: Suspects;
  actions: Actions;
  /** These test rows are visible. */
  watch(rows: number[]): void;
  dispose(): void;
}

const PATIENCE = 6_000; // ms
const HEARTBEAT = 5_000;
export const SILENCE =
  "The kernel is not responding. A cell may be running; if the kernel has stopped, rerun the cell of this " +
  "widget. Decisions in a store are kept.";

/** Tells Python that a view is open, and notices when Python does not respond. */
function createWatch(store: Store<View>, client: Client) {
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
      store.set({ filled: await client.request("watch", { rows, on: store.get().filling }) });
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
  const onProgress = (progress: Progress) => {
    const same = store.get().progress?.phase === progress.phase;
    store.set(same ? { progress } : { progress, since: Date.now() });
  };
  const onSizes = ({ row, size, done, total, running }: Sizes) => {
    store.set({ filled: { done, total, running } });
    if (row !== null && size !== null) pages.patch((line) => (line.row === row ? { ...line, flipSize: size } : undefined));
  };
  const client = createClient(model, { onProgress, onSizes, onHeard: () => watch.heard() });
  const watch = createWatch(store, client);
  const pages: TestPages = createPages(
    (query, offset, limit, signal) => client.request("page", { ...query, offset, limit }, { signal }),
    FIRST_QUERY,
  );
  const bars: BarPages = createPages(
    async ({ row, setFirst }, offset, limit, signal) =>
      row === null ? { total: 0, rows: [] } : client.request("bars", { row, set_first: setFirst, offset, limit }, { signal }),
    { row: null, setFirst: true } as Bars,
  );
  const load = createLoaders(store, client, bars);
  const onData = () => {
    pages.refresh();
    load.refresh();
  };
  const unanswered: Unanswered = { count: 0, settle() {} };
  const unfollow = follow(model, store, unanswered, { onData, onChoice: load.ranking, onConnection: watch.probe });
  const suspects = createSuspects(client, load.outlook);
  const actions = createActions(store, client, pages, load, unanswered, suspects);
  load.ranking();
  return {
    store,
    pages,
    bars,
    suspects,
    actions,
    watch: watch.watch,
    dispose() {
      watch.stop();
      unfollow();
      load.stop();
      pages.dispose();
      bars.dispose();
      actions.stop();
      suspects.dispose();
      client.dispose();
    },
  };
}
