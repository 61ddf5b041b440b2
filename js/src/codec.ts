/** Decodes messages from Python into the types of the protocol, or says which field is wrong. */

export { CodecError } from "./decode";
import { isObject, string } from "./decode";
import type { Kind, Reply, Requests, Shared } from "./protocol";
import { progress, REASONS, results, shared, sizes, VERSION } from "./wire";

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

/** Undefined for messages that are not ours: other code may send messages over the same widget. */
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
