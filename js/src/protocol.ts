/** What travels between the page and Python: one version, a closed list of requests, and their results. */

export const VERSION = 1;

export const FILTERS = [
  "all", "misclassified", "near", "small", "has_set", "flipped", "became_right", "became_wrong", "class0", "class1",
] as const;
export type Filter = (typeof FILTERS)[number];

export const COLUMNS = ["row", "text", "label", "predicted", "proba", "margin", "flip_size", "verified_proba"] as const;
export type Column = (typeof COLUMNS)[number];

export interface PageQuery {
  sort: Column;
  descending: boolean;
  filter: Filter;
  search: string;
}

export interface TestRow {
  row: number;
  text: string;
  label: string | null;
  predicted: string;
  proba: number;
  margin: number;
  /** Null where no flip set was looked for, 0 where none was found. */
  flipSize: number | null;
  /** Facts of the last verification; null when there is none or it is out of date. */
  verifiedProba: number | null;
  flipped: boolean | null;
}

export interface Page<Row = TestRow> {
  total: number;
  offset: number;
  rows: Row[];
}

export interface TrainRow {
  rank: number;
  row: number;
  id: string;
  text: string;
  original: string;
  current: string;
  /** First-order change of the query's log-odds when this row alone is relabelled. */
  influence: number;
  /** That change as a part of the way to the threshold; null on the threshold itself. */
  share: number | null;
  inSet: boolean;
  relabelled: boolean;
  decision: string;
  /** Features that it shares with the query. */
  words: string[];
}

export interface FlipSummary {
  size: number;
  found: boolean;
  verified: boolean;
  outcome: string;
  probaBefore: number;
  probaAfter: number | null;
  lowerBound: number;
  optimal: boolean;
  rows: number[];
}

/** What the marked rows do to the chosen row, to first order: a prediction, never a fact. */
export interface Forecast {
  /** How many changed labels it speaks of: the mark of this moment may not be among them yet. */
  labels: number;
  logOdds: number;
  proba: number;
  predicted: string;
}

export interface Ranking {
  text: string;
  summary: TestRow;
  verifiedPredicted: string | null;
  flip: FlipSummary | null;
  forecast: Forecast | null;
  /** The largest influence of any training row, without its sign. */
  largest: number;
  bars: Page<TrainRow>;
}

/** What a verification found; scores are null without true labels, or where they are not defined. */
export interface Verified {
  rows: number;
  flipped: number;
  becameRight: number | null;
  becameWrong: number | null;
  accuracyBefore: number | null;
  accuracyAfter: number | null;
  f1Before: number | null;
  f1After: number | null;
  aucBefore: number | null;
  aucAfter: number | null;
  logLossBefore: number | null;
  logLossAfter: number | null;
}

export interface WordPart {
  word: string;
  weight: number;
  part: number;
}

/** A training row in full, and what the features it shares with the query contribute, to first order. */
export interface Words {
  train: number;
  text: string;
  note: string;
  words: WordPart[];
}

/** Each row's share of the change that a refit with the whole flip set brought. */
export interface Explained {
  row: number;
  change: number;
  interaction: number;
  shares: { row: number; share: number }[];
}

export interface HistoryLine {
  event: number;
  time: string;
  who: string;
  what: string;
  note: string;
  state: string;
}

export interface History {
  total: number;
  lines: HistoryLine[];
}

export interface Suspect {
  row: number;
  id: string;
  text: string;
  label: string;
  suggested: string;
  score: number;
}

export interface Flips {
  total: number;
  rows: TestRow[];
}

export interface Filled {
  done: number;
  total: number;
  running: boolean;
}

export const DECISIONS = ["relabel", "keep", "unsure", "clear"] as const;
export type Decision = (typeof DECISIONS)[number];

export interface Job {
  kind: string;
  row: number | null;
}

/** The small synced state. Everything larger is asked for. */
export interface Shared {
  revision: number;
  nTrain: number;
  nTest: number;
  classes: [string, string];
  labelled: boolean;
  canUndo: boolean;
  canRedo: boolean;
  exportPath: string;
  status: string;
  job: Job | null;
  verification: Verified | null;
}

export interface Done {
  message: string;
}

export interface Decided extends Done {
  forecast: Forecast | null;
}

type Request<Body, Result> = { body: Body; result: Result };

export interface Requests {
  page: Request<PageQuery & { offset: number; limit: number }, Page>;
  ranking: Request<{ row: number; set_first: boolean }, Ranking>;
  bars: Request<{ row: number; set_first: boolean; offset: number; limit: number }, Page<TrainRow>>;
  words: Request<{ row: number; train: number }, Words>;
  explain: Request<{ row: number }, Explained>;
  history: Request<Record<never, never>, History>;
  queue: Request<Record<never, never>, { rows: Suspect[] }>;
  flips: Request<Record<never, never>, Flips>;
  watch: Request<{ rows: number[]; on: boolean }, Filled>;
  decide: Request<{ rows: number[]; decision: Decision; note: string }, Decided>;
  select: Request<{ row: number | null }, Done>;
  find: Request<{ row: number }, Done>;
  verify: Request<Record<never, never>, Done>;
  cancel: Request<Record<never, never>, Done>;
  undo: Request<Record<never, never>, Decided>;
  redo: Request<Record<never, never>, Decided>;
  threshold: Request<{ value: number }, Done>;
  export: Request<{ path: string; overwrite: boolean }, Done>;
}

export type Kind = keyof Requests;

export interface Progress {
  phase: string;
  done: number;
  total: number | null;
}

/** News of the search in the background: the size found for a row (null: it gave up), and how far it is. */
export interface Sizes extends Filled {
  row: number | null;
  size: number | null;
}

/** Why a request was not answered with a result; `exists`: a file that is not ours is in the way. */
export const REASONS = ["malformed", "refused", "busy", "cancelled", "failed", "exists"] as const;
export type Reason = (typeof REASONS)[number];

/** `id` is empty for progress of work that Python itself started. */
export type Reply =
  | ({ kind: "progress"; id: string } & Progress)
  | ({ kind: "sizes"; id: string } & Sizes)
  | { kind: "result"; id: string; value: unknown }
  | { kind: "error"; id: string; reason: Reason; message: string };

/** The traits of the Python side. */
export interface Traits {
  test_row: number | null;
  relabelled: number[];
  busy: boolean;
  threshold: number;
  _state: unknown;
}
