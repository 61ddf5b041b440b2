/** A model without Jupyter, and examples that Python's tests read too. */

import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, vi } from "vitest";
import messages from "../../tests/contract/messages.json";
import widget from "../src/index";
import type { Kind, Traits } from "../src/protocol";
import { VERSION } from "../src/wire";

export interface Contract {
  requests: Array<{ v: string; id: string; kind: Kind } & Record<string, unknown>>;
  replies: Array<{ kind: string } & Record<string, unknown>>;
  results: Record<Kind, Record<string, unknown>>;
  state: Record<string, unknown>;
}

export const contract = JSON.parse(JSON.stringify(messages).replaceAll('"VERSION"', JSON.stringify(VERSION))) as Contract;

type Handler = (...values: never[]) => void;
export type Sent = { id: string; kind: Kind } & Record<string, unknown>;

export class FakeModel {
  handlers = new Map<string, Handler[]>();
  sent: Sent[] = [];
  traits: Traits = { test_row: null, relabelled: [], busy: false, threshold: 0.5, height: 620, _state: contract.state };
  /** Answers on the spot; leave a kind out and it stays unanswered. */
  answers: Partial<Record<Kind, unknown>> = {};

  get(key: keyof Traits) {
    return this.traits[key];
  }
  on(name: string, handler: Handler) {
    this.handlers.set(name, [...(this.handlers.get(name) ?? []), handler]);
  }
  off(name: string, handler: Handler) {
    this.handlers.set(name, (this.handlers.get(name) ?? []).filter((one) => one !== handler));
  }
  send(message: object) {
    const request = message as Sent;
    this.sent.push(request);
    if (request.kind === "select" && "select" in this.answers) this.traits.test_row = request["row"] as number | null;
    const value = this.answers[request.kind];
    if (value !== undefined) queueMicrotask(() => this.reply(request, value));
  }
  reply(request: Sent, value: unknown) {
    this.say({ v: VERSION, id: request.id, kind: "result", value });
  }
  refuse(request: Sent, reason: string, message: string) {
    this.say({ v: VERSION, id: request.id, kind: "error", reason, message });
  }
  say(message: unknown) {
    for (const handler of this.handlers.get("msg:custom") ?? []) (handler as (message: unknown) => void)(message);
  }
  change(traits: Partial<Traits>) {
    Object.assign(this.traits, traits);
    for (const key of Object.keys(traits)) {
      for (const handler of this.handlers.get(`change:${key}`) ?? []) (handler as () => void)();
    }
  }
  listeners() {
    return [...this.handlers.values()].flat().length;
  }
  last(kind: Kind): Sent {
    const found = this.sent.filter((message) => message.kind === kind).at(-1);
    if (found === undefined) throw new Error(`no ${kind} was sent`);
    return found;
  }
  /** What the code under test takes: the parts of a model that it uses are all here. */
  get model(): AnyModel<Traits & Record<string, unknown>> {
    return this as unknown as AnyModel<Traits & Record<string, unknown>>;
  }
}

export const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

export const state = (changes: Record<string, unknown>) => ({ ...contract.state, ...changes });

/** For tests that draw: a page that is empty again after each. */
export function onAPage() {
  beforeEach(() => {
    vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    document.body.replaceChildren();
  });
}

/** The page on a model that answers what most tests need. */
export function draw(traits: Partial<FakeModel["traits"]> = {}) {
  const fake = new FakeModel();
  Object.assign(fake.traits, traits);
  const done = { message: "Done." };
  fake.answers = { page: contract.results.page, ranking: contract.results.ranking, select: done };
  const host = document.createElement("div");
  document.body.append(host);
  const dispose = widget.render({ model: fake.model, el: host });
  const find = <T extends Element = HTMLElement>(selector: string): T => {
    const node = host.querySelector<T>(selector);
    if (node === null) throw new Error(`nothing fits ${selector}`);
    return node;
  };
  const button = (name: string) => {
    const node = [...host.querySelectorAll("button")].find((one) => one.textContent === name);
    if (node === undefined) throw new Error(`no button ${name}`);
    return node;
  };
  return { fake, host, dispose, find, button };
}

export const key = (node: Element, name: string, options: object = {}) =>
  node.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...options }));
