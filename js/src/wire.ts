/** Made by js/wire.py from relabel_widget/widget/_protocol.py and _columns.py: change those, then run `make build`. */

export const VERSION = "9fe6017c";

export type Column = "row" | "text" | "label" | "predicted" | "proba" | "margin" | "flip_size" | "verified_proba";

export type Filter = "all" | "misclassified" | "near" | "small" | "has_set" | "flipped" | "became_right" | "became_wrong";

/** A choice of test rows: those in some bins of a histogram. */
export interface Brush {
  of: string;
  first: number;
  last: number;
}

export type TrainFilter = "all" | "suspect" | "relabelled" | "kept" | "unsure" | "noted" | "mine" | "contradicted";

export type Order = "repair" | "suspicion";

export type Decision = "relabel" | "keep" | "unsure" | "clear" | "adjudicate";

/**
 * A row that is more than its text: an image as PNG in base64, or a table. `coarse` says that its pixels are to be
 * told apart. The first of the `lines` are the headings: name, value and, where they are known, the value of the
 * test row and what the value contributes, which `about` explains. The most telling values come first.
 */
export interface Content {
  image: string;
  coarse: boolean;
  lines: Array<Array<string>>;
  about: string;
}

/**
 * A line of the list of test rows. `rival` is the nearest other class. With two classes `proba` is the probability
 * of the second and `margin` the log-odds beyond the threshold; with more they are those of the predicted class,
 * and its log-odds over the rival. `flipSize` is null where no set was looked for, 0 where none was found. What a
 * verification found is null when there is none or it is out of date: `verifiedProba` is of the same class as
 * `proba`.
 */
export interface TestRow {
  row: number;
  text: string;
  content: Content | null;
  label: string | null;
  predicted: string;
  rival: string;
  proba: number;
  margin: number;
  flipSize: number | null;
  verifiedProba: number | null;
  verifiedPredicted: string | null;
  ownProba: number | null;
  flipped: boolean | null;
}

/** Some of the test rows that fit a query. */
export interface Page {
  total: number;
  offset: number;
  rows: Array<TestRow>;
}

/**
 * How many test rows are in each bin: of those that fit filter and search, and of those that fit the brushes of
 * the other histograms, too.
 */
export interface Histogram {
  of: string;
  title: string;
  labels: Array<string>;
  every: Array<number>;
  kept: Array<number>;
}

/** The histograms of the test rows. */
export interface Spread {
  histograms: Array<Histogram>;
}

export type Tone = "fact" | "guess" | "open";

/**
 * A flip set. `labels` has the new label of each of its `rows`, `open` are those that nobody has decided about.
 * `target` is the class that was asked for, null for any. `words` say what is known of it, and how surely
 * (`tone`).
 */
export interface FlipSummary {
  size: number;
  found: boolean;
  verified: boolean;
  tone: Tone;
  words: string;
  rows: Array<number>;
  labels: Array<string>;
  open: Array<number>;
  target: string | null;
}

/**
 * What the marked and tried rows do to the chosen row, to first order: a prediction, never a fact. It says how
 * many changed labels it speaks of: the mark of this moment may not be among them yet.
 */
export interface Forecast {
  words: string;
}

/**
 * A training row as it bears on the query; without one nothing does. `suggested` is the label that moves the query
 * most towards its flip; with two classes, the one that the row did not have. `influence` is the first-order
 * change of the query's log-odds (with more classes, of its margin) when this row alone gets it; `share` is that
 * as a part of the way to the flip, null where there is none left; `words` are the features that it shares with
 * the query. `who` and `note` are those of the decision. `suspicion` is the probability that the label is wrong,
 * null where rows are not ranked by it.
 */
export interface TrainRow {
  rank: number;
  row: number;
  id: string;
  text: string;
  content: Content | null;
  original: string;
  current: string;
  suggested: string;
  influence: number;
  share: number | null;
  inSet: boolean;
  relabelled: boolean;
  decision: string;
  who: string;
  note: string;
  suspicion: number | null;
  words: Array<string>;
}

/** Some of the ranked training rows. */
export interface Bars {
  total: number;
  offset: number;
  rows: Array<TrainRow>;
}

/**
 * One test row in full. `meta` is its metadata on one line. `retrained` says what the last verification made of
 * it, empty if that is not known. `largest` is the largest influence of any training row, without its sign.
 */
export interface Ranking {
  text: string;
  content: Content | null;
  meta: string;
  summary: TestRow;
  flip: FlipSummary | null;
  forecast: Forecast | null;
  retrained: string;
  largest: number;
  bars: Bars;
}

/** Some of the training rows that fit a query, and how many of all rows are relabelled, kept and unsure. */
export interface Training {
  total: number;
  offset: number;
  rows: Array<TrainRow>;
  relabelled: number;
  kept: number;
  unsure: number;
}

/** What a shared feature contributes. */
export interface WordPart {
  word: string;
  weight: number;
  part: number;
}

/**
 * A training row in full, and what the features it shares with the query contribute, to first order, when it gets
 * the `label`; without a query it shares none. `weight` is the coefficient of the second class; with more than
 * two, of the predicted class less that of the rival. `same` are the training rows that say the same, itself among
 * them; empty if no other does, or they are too many. `other` says whether one of them is labelled otherwise, and
 * `choices` are labels that all of them may get.
 */
export interface Words {
  train: number;
  text: string;
  content: Content | null;
  meta: string;
  same: Array<number>;
  other: string;
  choices: Array<string>;
  note: string;
  label: string;
  words: Array<WordPart>;
}

/** The part of one row. */
export interface Share {
  row: number;
  share: number;
}

/**
 * Each row's share of the change that a refit with the whole flip set brought to the log-odds of the class `of`
 * over the class `over`; both are empty without a flip set. The shares add up to 1.
 */
export interface Explained {
  row: number;
  of: string;
  over: string;
  change: number;
  shares: Array<Share>;
}

/**
 * One event in words, and whether it counts now; `row` and `text` are of the first row it is about, null and empty
 * where it is about none.
 */
export interface HistoryLine {
  event: number;
  time: string;
  who: string;
  what: string;
  note: string;
  state: string;
  row: number | null;
  text: string;
}

/** The newest events. */
export interface History {
  total: number;
  lines: Array<HistoryLine>;
}

/**
 * A training row that nobody decided about. `title` names it, `facts` says what is wrong with it; `score` is the
 * probability that its label is wrong, and `larger` whether its `words` have a larger image.
 */
export interface Suspect {
  row: number;
  title: string;
  facts: string;
  text: string;
  content: Content | null;
  label: string;
  suggested: string;
  score: number;
  larger: boolean;
}

/** Some of them, in the order asked for. */
export interface Queue {
  total: number;
  offset: number;
  rows: Array<Suspect>;
}

/**
 * Why a label may be wrong: `words` that speak for the suggested one, how much each does (`parts`), and `lines` to
 * read: what it is about, what there is of that, how it was found, and a search for the training rows that a line
 * speaks of, if it does.
 */
export interface Reasons {
  words: Array<string>;
  parts: Array<number>;
  lines: Array<Array<string>>;
}

/** What was done, in words. */
export interface Done {
  message: string;
}

/** What a button decides about a row. `effect` says what that is predicted to do, and may be empty. */
export interface Choice {
  words: string;
  effect: string;
  decision: Decision;
  label: string | null;
  note: string;
}

/** A row to decide about, or null where there is none, with what was said about it. Titles tell them apart. */
export interface Matter {
  row: number | null;
  title: string;
  text: string;
  said: Array<HistoryLine>;
  choices: Array<Choice>;
}

/** Conflicts, or what did not carry over. */
export interface Matters {
  about: string;
  matters: Array<Matter>;
}

/** The test rows that a verification flipped. */
export interface Flips {
  total: number;
  rows: Array<TestRow>;
}

/** How far the search in the background is. */
export interface Filled {
  done: number;
  total: number;
  running: boolean;
}

/** The same, the training rows that it was about, and what it does to the chosen row. */
export interface Decided {
  message: string;
  rows: Array<number>;
  forecast: Forecast | null;
}

export type Reason = "malformed" | "refused" | "busy" | "cancelled" | "failed" | "exists";

/** How far a job is. */
export interface Progress {
  phase: string;
  done: number;
  total: number | null;
}

/** News of the search in the background: the size found for a row (null: it gave up), and how far it is. */
export interface Sizes {
  row: number | null;
  size: number | null;
  done: number;
  total: number;
  running: boolean;
}

/** What runs now. */
export interface Job {
  kind: string;
  row: number | null;
}

/** A label that is tried for a training row; nothing of it is recorded. */
export interface Tried {
  row: number;
  label: string;
}

/** Where a score went, in numbers and words; `worth` is `better`, `worse` or empty. */
export interface Score {
  label: string;
  before: string;
  after: string;
  worth: string;
  trend: string;
}

/** What a verification found; it has those scores that are defined. */
export interface Verified {
  words: string;
  scores: Array<Score>;
}

/**
 * The small synced state. Everything larger is asked for. `classes` are two or more; the threshold is one of two
 * classes and stays where it is with more. With a `trial`, the verification is that of the trial. `own_note` says
 * where the user's own estimator predicts otherwise than the minimum of its objective, and why; empty where it
 * does not. `checked` says how many labels were found right or wrong, `orders` in which order the others can be
 * checked (`Order`), the best one first. `meta` names the columns of metadata of the test rows. `next_undo` and
 * `next_redo` say what these would take back or bring again, and whose it is; `conflicts` and `carried` how many
 * rows people decided differently, and how many decisions did not carry over. All four are empty if there is none.
 */
export interface Shared {
  revision: number;
  nTrain: number;
  nTest: number;
  classes: [string, string, ...string[]];
  labelled: boolean;
  nextUndo: string;
  nextRedo: string;
  conflicts: string;
  carried: string;
  exportPath: string;
  status: string;
  job: Job | null;
  trial: Array<Tried>;
  verification: Verified | null;
  ownNote: string;
  checked: string;
  orders: Array<string>;
  meta: Array<string>;
}

/** What is asked, and what is told then. */
export interface Requests {
  page: { body: { sort: Column; meta: string | null; descending: boolean; filter: Filter; predicted: string | null; search: string; brushes: Array<Brush>; offset: number; limit: number }; result: Page };
  spread: { body: { filter: Filter; predicted: string | null; search: string; brushes: Array<Brush> }; result: Spread };
  ranking: { body: { row: number; set_first: boolean }; result: Ranking };
  bars: { body: { row: number; set_first: boolean; offset: number; limit: number }; result: Bars };
  train_rows: { body: { filter: TrainFilter; search: string; asked: number; offset: number; limit: number }; result: Training };
  words: { body: { row: number | null; train: number }; result: Words };
  explain: { body: { row: number }; result: Explained };
  history: { body: Record<never, never>; result: History };
  queue: { body: { order: Order; round: number; search: string; label: string | null; suggested: string | null; contradicted: boolean; offset: number; limit: number }; result: Queue };
  reasons: { body: { row: number; label: string }; result: Reasons };
  outlook: { body: Record<never, never>; result: Done };
  conflicts: { body: Record<never, never>; result: Matters };
  carried: { body: Record<never, never>; result: Matters };
  flips: { body: Record<never, never>; result: Flips };
  watch: { body: { rows: Array<number>; on: boolean }; result: Filled };
  select: { body: { row: number | null }; result: Done };
  decide: { body: { rows: Array<number>; decision: Decision; labels: Array<string> | null; test_row: number | null; note: string }; result: Decided };
  try: { body: { rows: Array<number>; labels: Array<string | null> }; result: Decided };
  find: { body: { row: number; target: string | null }; result: Done };
  verify: { body: Record<never, never>; result: Done };
  cancel: { body: Record<never, never>; result: Done };
  undo: { body: Record<never, never>; result: Decided };
  redo: { body: Record<never, never>; result: Decided };
  threshold: { body: { value: number }; result: Done };
  export: { body: { path: string; overwrite: boolean; every: boolean }; result: Done };
}

/** The columns of the list of test rows in their order: what stands over each, and what that means. */
export const HEADINGS: readonly (readonly [column: Column, heading: string, title: string])[] = [
  ["row", "Row", ""],
  ["text", "Text", ""],
  ["label", "True", "True label"],
  ["predicted", "Predicted", "Predicted class"],
  ["proba", "Prob.", "Probability"],
  ["margin", "Margin", "Log-odds beyond the threshold, or those of the nearest rival"],
  ["flip_size", "Set", "Size of the flip set"],
  ["verified_proba", "Retrained", "Effect of retraining"],
];
