/** Fetches what the view needs; an answer that arrives after a newer request is dropped. */

import type { Client } from "./client";
import type { Pages } from "./pages";
import type { Kind, Ranking, Requests, TrainRow } from "./protocol";
import { besideOf, hasMatters, inTurn, type Store, type View } from "./store";

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

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
  /** The histograms: show them, or bring them up to date where they are shown. */
  unfold(): void;
  spread(): void;
  /** Everything that a change of labels or findings made out of date. */
  refresh(): void;
  stop(): void;
}

export function createLoaders(store: Store<View>, client: Client, bars: Pages<TrainRow, Bars>): Loaders {
  let shown: Bars = { row: null, setFirst: true };
  const searched: number[] = []; // a row appears once for each running search for its set

  const newest = new Map<Kind, object>();
  const say = (notice: string) => store.set({ notice, failed: true });
  /** Takes the answer unless something newer of this kind was asked by then; without a body there is nothing to ask. */
  async function ask<K extends Kind>(kind: K, body: Requests[K]["body"] | null, take: (answer: Requests[K]["result"]) => void, refused: (error: string) => void = say) {
    const own = {};
    newest.set(kind, own);
    if (body === null) return;
    try {
      const answer = await client.request(kind, body);
      if (newest.get(kind) === own) take(answer);
    } catch (error) {
      if (newest.get(kind) === own) refused(words(error));
    }
  }

  function ranking() {
    const row = store.get().testRow;
    const isNew = row !== shown.row;
    store.set({ rankingState: row === null ? "idle" : "loading" });
    if (isNew) {
      shown = { row, setFirst: true };
      store.set({ target: null, ranking: null, forecast: null, explained: null, active: null, words: null, selection: new Set(), steps: null });
      bars.seed(shown, { total: 0, rows: [] });
    }
    const setFirst = shown.setFirst || (row !== null && searched.includes(row));
    const take = (found: Ranking) => {
      const first = setFirst && found.flip !== null;
      if (first !== shown.setFirst) shown = { row, setFirst: first };
      bars.seed(shown, found.bars);
      explain(found.row, found.flip?.found && found.flip.verified ? found.flip.rows : []);
      const { active } = store.get();
      if (isNew) store.set({ target: store.get().target ?? found.flip?.target ?? null }); // somebody may have chosen one by now
      store.set({ ranking: found, rankingState: "ready", forecast: found.forecast, active: active ?? found.bars.rows[0]?.row ?? null });
      details();
    };
    void ask("ranking", row === null ? null : { row, set_first: setFirst }, take, (error) => store.set({ ranking: null, rankingState: "failed", rankingError: error }));
  }

  function explain(row: number, rows: readonly number[]) {
    const known = store.get().explained;
    const same = known?.row === row && String(known.shares.map((one) => one.row)) === String(rows);
    if (!same) store.set({ explained: null }); // at another threshold the set differs, or is not known yet
    // Where it is refused the first-order shares stay: claim nothing that was not computed.
    void ask("explain", same || rows.length === 0 ? null : { row }, (explained) => store.set({ explained }), () => {});
  }

  function details() {
    const { active } = store.get();
    void ask("words", active === null ? null : { row: besideOf(store.get()), train: active }, (words) => store.set({ words }), () => store.set({ words: null }));
  }

  function flips() {
    const none = () => store.set({ flips: null });
    const isVerified = store.get().shared.verification !== null;
    if (!isVerified) none();
    void ask("flips", isVerified ? {} : null, (flips) => store.set({ flips }), (error) => {
      none();
      say(error);
    });
  }

  function panel() {
    const { panel: name } = store.get();
    if (name === "history") void ask(name, {}, (history) => store.set({ history }));
    if (!hasMatters(name)) return;
    void ask(name, {}, (matters) => {
      if (store.get().panel !== name) return;
      store.set({ matters });
      store.set({ front: inTurn(store.get())[0]?.title ?? "" }); // it stays there when others come before it
    });
  }

  /** Not every model has one. */
  const outlook = () => void ask("outlook", {}, ({ message }) => store.set({ outlook: message }), () => store.set({ outlook: "" }));

  function unfold() {
    const { filter, predicted, search, brushes } = store.get().query;
    void ask("spread", { filter, predicted, search, brushes }, ({ histograms }) => store.set({ spread: histograms }));
  }

  const spread = () => {
    if (store.get().spread !== null) unfold();
  };

  flips();
  return {
    ranking,
    async searching(row, search) {
      searched.push(row);
      await search;
      const { testRow, ranking: found } = store.get();
      if (testRow === row && found?.flip && !shown.setFirst) ranking(); // its rows were among the others
      searched.splice(searched.indexOf(row), 1);
    },
    words: details,
    panel,
    outlook,
    unfold,
    spread,
    refresh() {
      spread();
      ranking();
      flips();
      panel();
    },
    stop: () => newest.clear(),
  };
}
