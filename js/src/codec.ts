/** Turns what arrives from Python into the types of the protocol, or says where it does not fit. */

export { CodecError } from "./decode";
import { boolean, count, fail, isObject, list, nullable, number, record, string, type Decoder } from "./decode";
import {
  REASONS,
  VERSION,
  type Decided,
  type Done,
  type Explained,
  type Filled,
  type Flips,
  type FlipSummary,
  type Forecast,
  type History,
  type HistoryLine,
  type Job,
  type Kind,
  type Page,
  type Progress,
  type Ranking,
  type Reply,
  type Requests,
  type Shared,
  type Sizes,
  type Suspect,
  type TestRow,
  type TrainRow,
  type Verified,
  type WordPart,
  type Words,
} from "./protocol";

const pair: Decoder<[string, string]> = (value, path) => {
  const [first, second, ...rest] = list(string)(value, path);
  if (first === undefined || second === undefined || rest.length > 0) return fail(path, "two classes", value);
  return [first, second];
};

const testRow = record<TestRow>({
  row: count,
  text: string,
  label: nullable(string),
  predicted: string,
  proba: number,
  margin: number,
  flipSize: nullable(count),
  verifiedProba: nullable(number),
  flipped: nullable(boolean),
});

const trainRow = record<TrainRow>({
  rank: count,
  row: count,
  id: string,
  text: string,
  original: string,
  current: string,
  influence: number,
  share: nullable(number),
  inSet: boolean,
  relabelled: boolean,
  decision: string,
  words: list(string),
});

const flipSummary = record<FlipSummary>({
  size: count,
  found: boolean,
  verified: boolean,
  outcome: string,
  probaBefore: number,
  probaAfter: nullable(number),
  lowerBound: count,
  optimal: boolean,
  rows: list(count),
});

const forecast = record<Forecast>({ labels: count, logOdds: number, proba: number, predicted: string });

const verified = record<Verified>({
  rows: count,
  flipped: count,
  becameRight: nullable(count),
  becameWrong: nullable(count),
  accuracyBefore: nullable(number),
  accuracyAfter: nullable(number),
  f1Before: nullable(number),
  f1After: nullable(number),
  aucBefore: nullable(number),
  aucAfter: nullable(number),
  logLossBefore: nullable(number),
  logLossAfter: nullable(number),
});

const shared = record<Shared>({
  revision: count,
  nTrain: count,
  nTest: count,
  classes: pair,
  labelled: boolean,
  canUndo: boolean,
  canRedo: boolean,
  exportPath: string,
  status: string,
  job: nullable(record<Job>({ kind: string, row: nullable(count) })),
  verification: nullable(verified),
});

const page = record<Page>({ total: count, offset: count, rows: list(testRow) });
const bars = record<Page<TrainRow>>({ total: count, offset: count, rows: list(trainRow) });

const ranking = record<Ranking>({
  text: string,
  summary: testRow,
  verifiedPredicted: nullable(string),
  flip: nullable(flipSummary),
  forecast: nullable(forecast),
  largest: number,
  bars,
});

const done = record<Done>({ message: string });
const decided = record<Decided>({ message: string, forecast: nullable(forecast) });
const filled = { done: count, total: count, running: boolean };
const part = record<WordPart>({ word: string, weight: number, part: number });
const words = record<Words>({ train: count, text: string, note: string, words: list(part) });
const shares = list(record<{ row: number; share: number }>({ row: count, share: number }));
const explained = record<Explained>({ row: count, change: number, interaction: number, shares });
const line = record<HistoryLine>({ event: count, time: string, who: string, what: string, note: string, state: string });
const suspect = record<Suspect>({ row: count, id: string, text: string, label: string, suggested: string, score: number });
const progress = record<Progress>({ phase: string, done: count, total: nullable(count) });
const sizes = record<Sizes>({ row: nullable(count), size: nullable(count), ...filled });

const results: { [K in Kind]: Decoder<Requests[K]["result"]> } = {
  page,
  ranking,
  bars,
  words,
  explain: explained,
  history: record<History>({ total: count, lines: list(line) }),
  queue: record<{ rows: Suspect[] }>({ rows: list(suspect) }),
  flips: record<Flips>({ total: count, rows: list(testRow) }),
  watch: record<Filled>(filled),
  decide: decided,
  select: done,
  find: done,
  verify: done,
  cancel: done,
  undo: decided,
  redo: decided,
  threshold: done,
  export: done,
};

export const KINDS = Object.keys(results) as Kind[];

export function decodeResult<K extends Kind>(kind: K, value: unknown): Requests[K]["result"] {
  return results[kind](value, kind);
}

export function decodeState(value: unknown): Shared {
  return shared(value, "state");
}

export function encodeRequest<K extends Kind>(id: string, kind: K, body: Requests[K]["body"]): object {
  return { v: VERSION, id, kind, ...body };
}

/** Undefined for messages that are not ours: other code may send its own over the same widget. */
export function decodeReply(message: unknown): Reply | undefined {
  if (!isObject(message) || message["v"] !== VERSION) return undefined;
  const id = string(message["id"], "reply.id");
  switch (message["kind"]) {
    case "result":
      return { kind: "result", id, value: message["value"] };
    case "progress":
      return { kind: "progress", id, ...progress(message, "progress") };
    case "sizes":
      return { kind: "sizes", id, ...sizes(message, "sizes") };
    case "error": {
      const reason = REASONS.find((known) => known === message["reason"]);
      return { kind: "error", id, reason: reason ?? "failed", message: string(message["message"], "error.message") };
    }
    default:
      return undefined;
  }
}
