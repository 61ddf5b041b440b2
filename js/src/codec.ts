/** Turns what arrives from Python into the types of the protocol, or says where it does not fit. */

import {
  REASONS,
  VERSION,
  type Done,
  type FlipSummary,
  type Forecast,
  type Kind,
  type Page,
  type Ranking,
  type Reply,
  type Requests,
  type Shared,
  type TestRow,
  type TrainRow,
  type Verified,
} from "./protocol";

export class CodecError extends Error {
  override name = "CodecError";
}

type Decoder<T> = (value: unknown, path: string) => T;

function fail(path: string, expected: string, value: unknown): never {
  const got = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  throw new CodecError(`${path}: expected ${expected}, got ${got}`);
}

const string: Decoder<string> = (value, path) => (typeof value === "string" ? value : fail(path, "text", value));

const boolean: Decoder<boolean> = (value, path) =>
  typeof value === "boolean" ? value : fail(path, "true or false", value);

const number: Decoder<number> = (value, path) =>
  typeof value === "number" && Number.isFinite(value) ? value : fail(path, "a finite number", value);

const count: Decoder<number> = (value, path) =>
  Number.isSafeInteger(value) && number(value, path) >= 0 ? number(value, path) : fail(path, "a count", value);

function nullable<T>(decode: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === null ? null : decode(value, path));
}

function list<T>(decode: Decoder<T>): Decoder<T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((item, i) => decode(item, `${path}[${i}]`)) : fail(path, "a list", value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields are written in camelCase here and in snake_case by Python. */
function record<T extends object>(fields: { [K in keyof T]: Decoder<T[K]> }): Decoder<T> {
  return (value, path) => {
    if (!isObject(value)) return fail(path, "an object", value);
    const out: Partial<T> = {};
    for (const key in fields) {
      const wire = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      out[key] = fields[key](value[wire], `${path}.${wire}`);
    }
    return out as T; // every key of T was set by the loop
  };
}

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
  inSet: boolean,
  relabelled: boolean,
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

const forecast = record<Forecast>({ logOdds: number, proba: number, predicted: string });

const verified = record<Verified>({
  rows: count,
  flipped: count,
  accuracyBefore: nullable(number),
  accuracyAfter: nullable(number),
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
  verification: nullable(verified),
});

const page = record<Page>({ total: count, offset: count, rows: list(testRow) });

const ranking = record<Ranking>({
  text: string,
  summary: testRow,
  verifiedPredicted: nullable(string),
  flip: nullable(flipSummary),
  forecast: nullable(forecast),
  rows: list(trainRow),
});

const done = record<Done>({ message: string });

const results: { [K in Kind]: Decoder<Requests[K]["result"]> } = {
  page,
  ranking,
  select: done,
  mark: done,
  find: done,
  verify: done,
  cancel: done,
  undo: done,
  redo: done,
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
    case "progress": {
      const body = { phase: string, done: count, total: nullable(count) };
      return { kind: "progress", id, ...record<{ phase: string; done: number; total: number | null }>(body)(message, "progress") };
    }
    case "error": {
      const reason = REASONS.find((known) => known === message["reason"]);
      return { kind: "error", id, reason: reason ?? "failed", message: string(message["message"], "error.message") };
    }
    default:
      return undefined;
  }
}
