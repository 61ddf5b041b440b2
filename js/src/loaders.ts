/** Fetches what the view needs; an answer that arrives after a newer request is dropped. */

import type { Client } from "./client";
import type { Pages } from "./pages";
import type { TrainRow } from "./protocol";
import { hasMatters, inTurn, type Store, type View } from "./store";

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Runs one fetch at a time: a new one aborts the previous one. */
function latest<Arguments extends unknown[]>(fetch: (signal: AbortSignal, ...values: Arguments) => Promise<void>) {
  let controller = new AbortController();
  return {
    load(...values: Arguments) {
      controller.abort();
      controller = new AbortController();
      void fetch(controller.signal, ...values);
    },
    stop: () => controller.abort(),
  };
}

export interface Bars {
  row: number | null;
  /** Rows of the flip set come before the others instead of among them. */
  setFirst: boolean;
}

export interface Loaders {
  /** A set found after the row was picked comes first only if asked for, so that no line moves under the pointer. */
  ranking(): void;
  /** Requests the flip set of a row; the promise settles when the search has ended. */
  searching(row: number, search: Promise<unknown>): Promise<void>;
  words(): void;
  /** What the open panel shows. */
  panel(): void;
  /** How many wrong labels are left. */
  outlook(): void;
  /** Everything that a change of labels or findings made out of date. */
  refresh(): void;
  stop(): void;
}

export function createLoaders(store: Store<View>, client: Client, bars: Pages<TrainRow, Bars>): Loaders {
  let shown: Bars = { row: null, setFirst: true };
  const searched: number[] = []; // a row appears once for each running search for its set

  const ranking = latest(async (signal) => {
    const row = store.get().testRow;
    const isNew = row !== shown.row;
    if (isNew) {
      shown = { row, setFirst: true };
      const nothing = { target: null, ranking: null, forecast: null, explained: null, active: null, words: null, selection: new Set<number>() };
      store.set({ ...nothing, rankingState: row === null ? "idle" : "loading" });
      bars.seed(shown, { total: 0, rows: [] });
    } else store.set({ rankingState: row === null ? "idle" : "loading" });
    if (row === null) return;
    try {
      const setFirst = shown.setFirst || searched.includes(row);
      const found = await client.request("ranking", { row, set_first: setFirst }, { signal });
      const first = setFirst && found.flip !== null;
      if (first !== shown.setFirst) shown = { row, setFirst: first };
      bars.seed(shown, found.bars);
      explained.load(row, found.flip?.found && found.flip.verified ? found.flip.rows : []);
      const { active } = store.get();
      if (isNew) store.set({ target: found.flip?.target ?? null });
      store.set({ ranking: found, rankingState: "ready", forecast: found.forecast, active: active ?? found.bars.rows[0]?.row ?? null });
      details.load();
    } catch (error) {
      if (!signal.aborted) store.set({ ranking: null, rankingState: "failed", rankingError: words(error) });
    }
  });

  const explained = latest(async (signal, row: number, rows: readonly number[]) => {
    const known = store.get().explained;
    if (known?.row === row && String(known.shares.map((one) => one.row)) === String(rows)) return;
    store.set({ explained: null }); // at another threshold the set differs, or is not known yet
    if (rows.length === 0) return;
    try {
      store.set({ explained: await client.request("explain", { row }, { signal }) });
    } catch {
      // the first-order shares stay: claim nothing that was not computed
    }
  });

  const details = latest(async (signal) => {
    const { testRow, active } = store.get();
    if (testRow === null || active === null) return;
    try {
      store.set({ words: await client.request("words", { row: testRow, train: active }, { signal }) });
    } catch {
      if (!signal.aborted) store.set({ words: null });
    }
  });

  const flips = latest(async (signal) => {
    if (store.get().shared.verification === null) return store.set({ flips: null });
    try {
      store.set({ flips: await client.request("flips", {}, { signal }) });
    } catch (error) {
      if (!signal.aborted) store.set({ flips: null, notice: words(error), failed: true });
    }
  });

  const panel = latest(async (signal) => {
    const { panel: name } = store.get();
    try {
      if (name === "history") store.set({ history: await client.request(name, {}, { signal }) });
      if (!hasMatters(name)) return;
      store.set({ matters: await client.request(name, {}, { signal }) });
      store.set({ front: inTurn(store.get())[0]?.title ?? "" }); // it stays there when others come before it
    } catch (error) {
      if (!signal.aborted) store.set({ notice: words(error), failed: true });
    }
  });

  const outlook = latest(async (signal) => {
    try {
      store.set({ outlook: (await client.request("outlook", {}, { signal })).message });
    } catch {
      if (!signal.aborted) store.set({ outlook: "" }); // not every model has one
    }
  });

  flips.load();
  return {
    ranking: ranking.load,
    async searching(row, search) {
      searched.push(row);
      await search;
      const { testRow, ranking: found } = store.get();
      if (testRow === row && found?.flip && !shown.setFirst) ranking.load(); // its rows were among the others
      searched.splice(searched.indexOf(row), 1);
    },
    words: details.load,
    panel: panel.load,
    outlook: outlook.load,
    refresh() {
      ranking.load();
      flips.load();
      panel.load();
    },
    stop() {
      for (const one of [ranking, explained, details, flips, panel, outlook]) one.stop();
    },
  };
}
