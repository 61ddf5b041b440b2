/** What travels between the page and Python: what is declared there (`wire.ts`), and the envelopes. */

import type { Progress, Reason as Told, Requests, Sizes } from "./wire";

export type * from "./wire";

export type Kind = keyof Requests;

/** Why a request failed; "aborted" is said here, where no answer can come. */
export type Reason = Told | "aborted";

/** Which test rows, and in which order. */
export type PageQuery = Omit<Requests["page"]["body"], "offset" | "limit">;

/** Which training rows; they are those of the moment when it was `asked`. */
export type TrainQuery = Omit<Requests["train_rows"]["body"], "offset" | "limit">;
/** Which labels to check, and in which order. */
export type QueueQuery = Omit<Requests["queue"]["body"], "round" | "offset" | "limit">;

/** What every message has, in both directions. */
export interface Envelope {
  v: string;
  id: string;
  kind: string;
}

/** `id` is empty for progress of work that Python itself started. An error's reason `exists`: a file that is not ours is in the way. */
export type Reply =
  | ({ kind: "progress"; id: string } & Progress)
  | ({ kind: "sizes"; id: string } & Sizes)
  | { kind: "result"; id: string; value: Requests[Kind]["result"] }
  | { kind: "error"; id: string; reason: Reason; message: string };

/** The traits of the Python side. */
export interface Traits {
  test_row: number | null;
  relabelled: number[];
  busy: boolean;
  threshold: number;
  height: number;
  _state: unknown;
}
