/** Requests to Python and their answers: one promise for each, settled exactly once. */

import type { Envelope, Kind, Progress, Reason, Reply, Requests, Sizes } from "./protocol";
import { VERSION } from "./wire";

/** The part of an anywidget model that requests need. */
export interface Channel {
  on(event: "msg:custom", handler: (message: unknown) => void): void;
  off(event: "msg:custom", handler: (message: unknown) => void): void;
  send(message: object): void;
}

export class RequestError extends Error {
  override name = "RequestError";
  constructor(
    readonly reason: Reason,
    message: string,
  ) {
    super(message);
  }
}

export interface Client {
  request<K extends Kind>(kind: K, body: Requests[K]["body"]): Promise<Requests[K]["result"]>;
  /** How many requests are still unanswered. */
  pending(): number;
  dispose(): void;
}

/** Other code may send messages over the same widget. */
function isOurs(message: unknown): message is Reply & Envelope {
  return typeof message === "object" && message !== null && "v" in message && "id" in message;
}

type Answer = Extract<Reply, { kind: "result" | "error" }>;

const CLOSED = "the widget was closed";

/** Not `crypto.randomUUID`: it exists only on https and localhost, and a hub may use plain http. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface News {
  onProgress(progress: Progress & { id: string }): void;
  /** A request has its answer. */
  onEnd(id: string): void;
  onSizes(sizes: Sizes): void;
  /** Any message of ours: Python is there. */
  onHeard(): void;
  /** Nothing can be sent: the kernel has been restarted, or has stopped. */
  onLost(): void;
  /** Page and kernel do not understand each other. */
  onStrange(): void;
}

export function createClient(channel: Channel, { onProgress, onSizes, onHeard, onLost, onEnd, onStrange }: News): Client {
  const waiting = new Map<string, (answer: Answer) => void>();
  let isClosed = false;

  const onMessage = (message: unknown) => {
    if (!isOurs(message)) return;
    onHeard();
    if (message.v !== VERSION) return onStrange();
    // Of this version it is as declared.
    if (message.kind === "progress") onProgress(message);
    else if (message.kind === "sizes") onSizes(message);
    else if (message.kind === "result" || message.kind === "error") waiting.get(message.id)?.(message);
  };
  channel.on("msg:custom", onMessage);

  const aborted = (message: string): Answer => ({ kind: "error", id: "", reason: "aborted", message });

  function request<K extends Kind>(kind: K, body: Requests[K]["body"]) {
    return new Promise<Requests[K]["result"]>((resolve, reject) => {
      const id = newId();
      const settle = (answer: Answer) => {
        waiting.delete(id);
        onEnd(id);
        if (answer.kind === "result") resolve(answer.value);
        else reject(new RequestError(answer.reason, answer.message));
      };
      if (isClosed) return settle(aborted(CLOSED));
      waiting.set(id, settle);
      try {
        channel.send({ v: VERSION, id, kind, ...body });
      } catch {
        onLost();
        settle(aborted("The kernel is not responding."));
      }
    });
  }

  return {
    request,
    pending: () => waiting.size,
    dispose() {
      isClosed = true;
      channel.off("msg:custom", onMessage);
      for (const settle of [...waiting.values()]) settle(aborted(CLOSED));
    },
  };
}
