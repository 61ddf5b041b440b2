/** What travels between the page and Python: one version, a closed list of requests, and their results. */

export const VERSION = 1;

export const FILTERS = ["all", "misclassified", "near", "has_set", "flipped", "class0", "class1"] as const;
export type Filter = (typeof FILTERS)[number];

export const COLUMNS = ["row", "text", "label", "predicted", "proba", "flip_size", "verified_proba"] as const;
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
  flipSize: number | null;
  /** Facts of the last verification; null when there is none or it is out of date. */
  verifiedProba: number | null;
  flipped: boolean | null;
}

export interface Page {
  total: number;
  offset: number;
  rows: TestRow[];
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
  inSet: boolean;
  relabelled: boolean;
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
  rows: TrainRow[];
}

export interface Verified {
  rows: number;
  flipped: number;
  accuracyBefore: number | null;
  accuracyAfter: number | null;
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
  verification: Verified | null;
}

export interface Done {
  message: string;
}

type Request<Body, Result> = { body: Body; result: Result };

export interface Requests {
  page: Request<PageQuery & { offset: number; limit: number }, Page>;
  ranking: Request<{ row: number }, Ranking>;
  select: Request<{ row: number | null }, Done>;
  mark: Request<{ rows: number[]; marked: boolean }, Done>;
  find: Request<{ row: number }, Done>;
  verify: Request<Record<never, never>, Done>;
  cancel: Request<Record<never, never>, Done>;
  undo: Request<Record<never, never>, Done>;
  redo: Request<Record<never, never>, Done>;
  threshold: Request<{ value: number }, Done>;
  export: Request<{ path: string }, Done>;
}

export type Kind = keyof Requests;

export interface Progress {
  phase: string;
  done: number;
  total: number | null;
}

/** Why a request was not answered with a result. */
export const REASONS = ["malformed", "refused", "busy", "cancelled", "failed"] as const;
export type Reason = (typeof REASONS)[number];

/** `id` is empty for progress of work that Python itself started. */
export type Reply =
  | ({ kind: "progress"; id: string } & Progress)
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
