/** Made by js/wire.py from the widget's _records.py, _protocol.py and _columns.py: change those, then `make build`. */

export const VERSION = "93ea99c9";

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

/** The size of a flip set, as it is shown and as it is read out. */
export interface Size {
  shown: string;
  said: string;
}

export type Worth = "fact" | "better" | "worse" | "";

/**
 * What a verification made of a prediction, and what that is worth: `fact` if it is neither better nor worse,
 * empty if nothing changed. `to` names what it flipped to, and from what where the line shows another class.
 */
export interface Verdict {
  words: string;
  worth: Worth;
  to: string;
}

/**
 * A line of the list of test rows, numbers in words. With two classes `proba` is the probability of the second and
 * `margin` the log-odds beyond the threshold; with more they are those of the predicted class, and its log-odds
 * over the nearest other one.
 */
export interface TestRow {
  row: number;
  text: string;
  content: Content | null;
  label: string | null;
  predicted: string;
  proba: string;
  margin: string;
  size: Size;
  verdict: Verdict;
}

/** Some of the test rows that fit a query. */
export interface Page {
  total: number;
  offset: number;
  rows: Array<TestRow>;
}

/** Where it begins and ends; a bin of one value has that twice. */
export interface Bin {
  from: string;
  to: string;
}

/**
 * How many test rows are in each bin: of those that fit filter and search, and of those that fit the brushes of
 * the other histograms, too.
 */
export interface Histogram {
  of: string;
  title: string;
  bins: Array<Bin>;
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
 * A training row as it bears on the query; without one nothing does. `id` is empty where it is its number. `said`
 * tells a decision that leaves the label as it is. `suggested` is the label that moves the query most towards its
 * flip; with two classes, the one that the row did not have. `influence` is the first-order change of the query's
 * log-odds (with more classes, of its margin) when this row alone gets it, `change` is the same in words; `share`
 * says what part that is of the way to the flip, and is empty where there is none left; `words` are the features
 * that it shares with the query. `facts` say how likely the label is wrong, where rows are ranked by that, and who
 * decided what for which reason.
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
  change: string;
  share: string;
  in_set: boolean;
  relabelled: boolean;
  said: string;
  facts: string;
  words: Array<string>;
}

/** Some of the ranked training rows. */
export interface Bars {
  total: number;
  offset: number;
  rows: Array<TrainRow>;
}

/**
 * One test row in full. `rival` is the nearest other class. With two classes `proba` is the probability of the
 * second, else of the predicted one. `facts` are the predicted class, the true label, the probability and the
 * margin in words, `meta` is its metadata on one line. `retrained` says what the last verification made of it,
 * empty if that is not known. `largest` is the largest influence of any training row, without its sign.
 */
export interface Ranking {
  row: number;
  text: string;
  content: Content | null;
  meta: string;
  predicted: string;
  rival: string;
  proba: number;
  facts: Array<string>;
  flip: FlipSummary | null;
  forecast: Forecast | null;
  retrained: string;
  largest: number;
  bars: Bars;
}

/** Some of the training rows that fit a query; `words` say how many do, and how many of all are decided. */
export interface Training {
  total: number;
  offset: number;
  rows: Array<TrainRow>;
  words: string;
}

/** What a shared feature contributes, as a number and in words. */
export interface WordPart {
  word: string;
  part: number;
  change: string;
}

/**
 * A training row in full, and what the features it shares with the query contribute, to first order, when it gets
 * the `label`; without a query it shares none. `about` says so, and what was noted. `same` are the training rows
 * that say the same, itself among them; empty if no other does, or they are too many. `other` says whether one of
 * them is labelled otherwise, and `choices` are labels that all of them may get.
 */
export interface Words {
  train: number;
  text: string;
  content: Content | null;
  meta: string;
  same: Array<number>;
  other: string;
  choices: Array<string>;
  about: string;
  label: string;
  words: Array<WordPart>;
}

/** The part of one row, in words. */
export interface Share {
  row: number;
  words: string;
}

/** Each row's share of what a refit with the whole flip set changed; the shares add up to all of it. */
export interface Explained {
  row: number;
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
 * A training row that nobody decided about. `title` names it, `facts` says what is wrong with it; `score` is how
 * likely that is, in words, and `larger` whether its `words` have a larger image.
 */
export interface Suspect {
  row: number;
  title: string;
  facts: string;
  text: string;
  content: Content | null;
  label: string;
  suggested: string;
  score: string;
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

/** A test row that a verification flipped: what that is worth, and its probability before and after. */
export interface Flip {
  row: number;
  text: string;
  words: string;
  worth: Worth;
  change: string;
}

/** Those that changed most. */
export interface Flips {
  total: number;
  rows: Array<Flip>;
}

/** How far the search in the background is, in numbers and words. */
export interface Filled {
  done: number;
  total: number;
  words: string;
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
  size: Size | null;
  done: number;
  total: number;
  words: string;
}

/** What runs now. */
export interface Job {
  kind: string;
  row: number | null;
  words: string;
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
 * `export_path` is where the corrected labels go by default, `export_all` where all decisions do.
 */
export interface Shared {
  revision: number;
  n_train: number;
  n_test: number;
  classes: [string, string, ...string[]];
  labelled: boolean;
  next_undo: string;
  next_redo: string;
  conflicts: string;
  carried: string;
  export_path: string;
  export_all: string;
  status: string;
  job: Job | null;
  trial: Array<Tried>;
  verification: Verified | null;
  own_note: string;
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
