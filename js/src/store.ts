/** What one view of the widget shows: plain state and its listeners. */

import type {
  Explained,
  Filled,
  Flips,
  Forecast,
  Histogram,
  History,
  Matter,
  Matters,
  PageQuery,
  Progress,
  QueueQuery,
  Ranking,
  Reasons,
  Shared,
  Suspect,
  TrainQuery,
  Words,
} from "./protocol";

export interface Store<T> {
  get(): Readonly<T>;
  set(patch: Partial<T>): void;
  subscribe(listener: (state: Readonly<T>) => void): () => void;
}

export function createStore<T extends object>(initial: T): Store<T> {
  let state = initial;
  const listeners = new Set<(state: Readonly<T>) => void>();
  return {
    get: () => state,
    set(patch) {
      const keys = Object.keys(patch) as (keyof T)[];
      if (keys.every((key) => Object.is(patch[key], state[key]))) return;
      state = { ...state, ...patch };
      for (const listener of [...listeners]) listener(state);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export type Loading = "idle" | "loading" | "ready" | "failed";
/** Where one pane is shown at a time. */
export type PaneName = "tests" | "why" | "happens";
export type Panel = "none" | "rows" | "queue" | "history" | "conflicts" | "carried" | "help";

export const TITLES: Record<Panel, string> = {
  none: "",
  rows: "Training rows",
  queue: "Suspect labels",
  history: "History",
  conflicts: "Conflicts",
  carried: "Not carried over",
  help: "Keys",
};

export interface View {
  shared: Shared;
  testRow: number | null;
  relabelled: ReadonlySet<number>;
  /** The labels on trial, by training row; null where Python is to choose one. */
  onTrial: ReadonlyMap<number, string | null>;
  /** The rows of the flip set still to be decided about, one after the other; null otherwise. */
  steps: readonly number[] | null;
  busy: boolean;
  threshold: number;
  query: PageQuery;
  /** The class to flip the chosen row to; null for any other. */
  target: string | null;
  ranking: Ranking | null;
  rankingState: Loading;
  rankingError: string;
  forecast: Forecast | null;
  explained: Explained | null;
  /** The training row that keys act on, its details, and the other rows selected with it. */
  active: number | null;
  words: Words | null;
  selection: ReadonlySet<number>;
  flips: Flips | null;
  panel: Panel;
  pane: PaneName;
  /** Of the whole, in px; what is inside scrolls. */
  height: number;
  /** The list of all training rows, and how many of them are decided. */
  trainQuery: TrainQuery;
  decided: string;
  /** The histograms of the test rows; null while they are folded. */
  spread: Histogram[] | null;
  history: History | null;
  /** Conflicts or what did not carry over, and the title of the one that keys act on. */
  matters: Matters | null;
  front: string;
  /** Which labels of the queue are listed. */
  sifted: QueueQuery;
  /** Those that were in front one after the other or wait to be, and the place of the one that is now. */
  trail: readonly Suspect[];
  queueAt: number;
  queueError: string;
  /** What was decided since the last ranking from the top, each decision by itself. */
  judged: readonly (readonly Suspect[])[];
  /** Chosen in the list, to decide about them at once. */
  picked: readonly Suspect[];
  /** By `reasonKey`; null where there are none. */
  reasons: ReadonlyMap<string, Reasons | null>;
  /** Rows of the queue in full whose images are small in the list, by the same key. */
  looks: ReadonlyMap<string, Words | null>;
  /** How many wrong labels are left, in words. */
  outlook: string;
  /** A decision is being recorded, or the next label to come: keys wait. */
  judging: boolean;
  /** Notes not yet attached to a decision, by the rows they are about. */
  drafts: ReadonlyMap<string, string>;
  /** The file the user is asked whether to replace; empty if none. */
  replacing: string;
  /** Whether all decisions are exported, not the corrected labels alone. */
  every: boolean;
  filling: boolean;
  filled: Filled | null;
  progress: Progress | null;
  /** When the current phase of the job began, in ms. */
  since: number;
  /** The last message to the user, and whether it reports a failure. */
  notice: string;
  failed: boolean;
  /** Python does not respond. */
  silent: boolean;
}

/** A job runs, or Python tells how far an answer is. */
export const isWorking = ({ busy, progress }: Readonly<View>) => busy || progress !== null;

/** The test row that training rows are looked at with; none in the list of all of them. */
export const besideOf = ({ panel, testRow }: Readonly<View>) => (panel === "none" ? testRow : null);
export const frontOf = ({ trail, queueAt }: Readonly<View>): Suspect | undefined => trail[queueAt];

/** What a decision in the queue is about. */
export function subjectsOf(view: Readonly<View>): readonly Suspect[] {
  const front = frontOf(view);
  return view.picked.length > 0 || front === undefined ? view.picked : [front];
}

export const rowsOf = (many: readonly Suspect[]): number[] => many.map(({ row }) => row);

export const reasonKey = ({ row, suggested }: Suspect): string => `${row} ${suggested}`;

/** The note being written about these rows. */
export function draftOf({ drafts }: Readonly<View>, rows: readonly number[]): string {
  return drafts.get(String(rows)) ?? "";
}

/** Whether a panel shows matters. */
export const hasMatters = (panel: Panel): panel is "conflicts" | "carried" => panel === "conflicts" || panel === "carried";

/** The matters from the one in front on; those before it come last. */
export function inTurn({ matters, front }: Readonly<View>): Matter[] {
  const all = matters?.matters ?? [];
  const at = Math.max(0, all.findIndex(({ title }) => title === front));
  return [...all.slice(at), ...all.slice(0, at)];
}

export const FIRST_QUERY: PageQuery = { sort: "row", meta: null, descending: false, filter: "all", predicted: null, search: "", brushes: [] };
export const ALL_ROWS: TrainQuery = { filter: "all", search: "", asked: 0 };
export const FIRST_SIFT: QueueQuery = { order: "repair", search: "", label: null, suggested: null, contradicted: false };
