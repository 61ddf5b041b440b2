/** Reads the model's traits and follows their changes. */

import type { AnyModel } from "@anywidget/types";
import type { Shared, Traits } from "./protocol";
import { ALL_ROWS, FIRST_QUERY, FIRST_SIFT, type Store, type View } from "./store";

export type Model = AnyModel<Traits & Record<string, unknown>>;

function readTraits(model: Model) {
  return {
    testRow: model.get("test_row"),
    relabelled: new Set(model.get("relabelled")),
    busy: model.get("busy"),
    threshold: model.get("threshold"),
  };
}

const readShared = (model: Model) => model.get("_state") as Shared;
const trialOf = ({ trial }: Shared) => new Map(trial.map(({ row, label }) => [row, label]));

/** Notebooks saved by older versions hold none. */
const heightOf = (model: Model) => model.get("height") ?? 620;

export function firstView(model: Model): View {
  const shared = readShared(model);
  const traits = readTraits(model);
  return {
    shared,
    ...traits,
    onTrial: trialOf(shared),
    steps: null,
    pane: traits.testRow === null ? "tests" : "why",
    height: heightOf(model),
    query: FIRST_QUERY,
    target: null,
    ranking: null,
    rankingState: "idle",
    rankingError: "",
    forecast: null,
    explained: null,
    active: null,
    words: null,
    selection: new Set(),
    flips: null,
    panel: "none",
    trainQuery: ALL_ROWS,
    decided: "",
    spread: null,
    history: null,
    matters: null,
    front: "",
    sifted: { ...FIRST_SIFT, order: shared.orders[0] === "suspicion" ? "suspicion" : "repair" },
    trail: [],
    queueAt: 0,
    queueError: "",
    judged: [],
    picked: [],
    reasons: new Map(),
    looks: new Map(),
    outlook: "",
    judging: false,
    drafts: new Map(),
    replacing: "",
    every: false,
    filling: true,
    filled: null,
    progress: null,
    since: 0,
    notice: shared.status,
    failed: false,
    silent: false,
  };
}

/**
 * A choice or mark shows at once. Until Python has answered the last of them, arriving traits may echo an
 * earlier one and are ignored; then the model's value wins, even if Python refused.
 */
export interface Unanswered {
  count: number;
  settle(): void;
}

export interface Followers {
  onChoice(): void;
  /** The connection may be lost. */
  onConnection(): void;
}

/** Tells marimo, whose cells follow the value, that traits have changed; once for changes that arrive together. */
function acknowledger(model: Model): () => void {
  let due = false;
  return () => {
    if (due || typeof model.get("_seen") !== "number") return;
    due = true;
    queueMicrotask(() => {
      due = false;
      model.set("_seen", Number(model.get("_seen")) + 1);
      model.save_changes();
    });
  };
}

/** Follows the traits; returns a function that stops it. */
export function follow(model: Model, store: Store<View>, unanswered: Unanswered, tell: Followers): () => void {
  const acknowledge = acknowledger(model);
  const onTraits = () => {
    const { testRow, relabelled, busy, threshold } = readTraits(model);
    store.set(busy ? { busy, threshold } : { busy, threshold, progress: null });
    if (unanswered.count > 0) return;
    const before = store.get();
    const same = relabelled.size === before.relabelled.size && [...relabelled].every((row) => before.relabelled.has(row));
    store.set({ testRow, onTrial: trialOf(before.shared), ...(same ? {} : { relabelled }) });
    if (testRow === before.testRow) return;
    if (testRow !== null) store.set({ pane: "why" });
    tell.onChoice();
  };
  unanswered.settle = onTraits;
  const onState = () => {
    const before = store.get().shared;
    const shared = readShared(model);
    store.set(shared.status === before.status ? { shared } : { shared, notice: shared.status, failed: false });
    if (unanswered.count === 0) store.set({ onTrial: trialOf(shared) });
    const { job } = shared;
    if (job !== null && job.words !== before.job?.words) store.set({ notice: job.words, failed: false });
  };
  const names = ["test_row", "relabelled", "busy", "threshold"].map((name) => `change:${name}`);
  for (const name of names) {
    model.on(name, onTraits);
    model.on(name, acknowledge);
  }
  const onHeight = () => store.set({ height: heightOf(model) });
  model.on("change:_state", onState);
  model.on("change:height", onHeight);
  model.on("comm_live_update", tell.onConnection);
  return () => {
    for (const name of names) {
      model.off(name, onTraits);
      model.off(name, acknowledge);
    }
    model.off("change:_state", onState);
    model.off("change:height", onHeight);
    model.off("comm_live_update", tell.onConnection);
  };
}
