/** Messages as they travel. Fields are camelCase here and snake_case in Python; `wire.ts` declares their types, and Python's tests check them. */

import type { Envelope, Kind, Requests } from "./protocol";
import { VERSION } from "./wire";

/** What Python told, with the fields' names as they are here. */
export function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, one]) => [name.replace(/_./g, ([, letter = ""]) => letter.toUpperCase()), renamed(one)]);
  return Object.fromEntries(fields);
}

export function encodeRequest<K extends Kind>(id: string, kind: K, body: Requests[K]["body"]): Envelope {
  return { v: VERSION, id, kind, ...body };
}

/** Other code may send messages over the same widget. */
export function isOurs(message: unknown): message is Envelope {
  return typeof message === "object" && message !== null && "v" in message && "id" in message;
}
