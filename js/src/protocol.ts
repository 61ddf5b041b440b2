/** The messages between the page and Python: one version, a closed list of requests, and their results. */

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
  /** Null if no flip set was searched for, 0 if none was found. */
  flipSize: number | null;
  /** Results of the last verification; null if there is none or it is out of date. */
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
  /** That change as a share of the distance to the threshold; null on the threshold itself. */
  share: number | null;
  inSet: boolean;
  relabelled: boolean;
  decision: string;
  /** Features it shares with the query. */
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

/** The effect of the marked rows on the chosen row, to first order: a prediction, never a fact. */
export interface Forecast {
  /** How many changed labels it covers: the latest mark may not be among them yet. */
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
  /** The largest absolute influence of any training row. */
  largest: number;
  bars: Page<TrainRow>;
}

/** The result of a verification; scores are null without true labels or where they are undefined. */
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

/** A training row in full, and the first-order contributions of the features it shares with the query. */
export interface Words {
  train: number;
  text: string;
  note: string;
  words: WordPart[];
}

/** Each row's share of the change caused by a refit with the whole flip set. */
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

/** The small synced state. Everything larger is requested. */
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
  mark: Request<{ rows: number[]; marked: boolean }, Decided>;
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

/** News from the background search: the size found for a row (null: it gave up), and its progress. */
export interface Sizes extends Filled {
  row: number | null;
  size: number | null;
}

/** Why a request got no result; `exists`: the file exists and is not ours. */
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
