/** The rows of a long list, fetched a page at a time around what is visible; least recently used pages go. */

import type { Page, PageQuery, TestRow } from "./protocol";

export const PAGE_SIZE = 100;
const KEEP = 24;

export type FetchPage = (
  body: PageQuery & { offset: number; limit: number },
  signal: AbortSignal,
) => Promise<Page>;

export interface Pages {
  /** Undefined while the query's first page is under way. */
  total(): number | undefined;
  row(index: number): TestRow | undefined;
  error(): string;
  /** Fetch what is missing or out of date around these rows. */
  want(first: number, last: number): void;
  /** Another sort, filter or search: everything is forgotten. */
  reset(query: PageQuery): void;
  /** The data changed: what is shown stays until its new version arrives. */
  refresh(): void;
  subscribe(listener: () => void): () => void;
  dispose(): void;
}

interface Slot {
  rows: TestRow[];
  version: number;
}

export function createPages(fetch: FetchPage, query: PageQuery): Pages {
  const slots = new Map<number, Slot>(); // in order of use
  const underWay = new Map<number, AbortController>();
  const listeners = new Set<() => void>();
  let total: number | undefined;
  let version = 0;
  let error = "";
  let range: [number, number] = [0, 0];

  const changed = () => {
    for (const listener of [...listeners]) listener();
  };

  const stop = () => {
    for (const controller of underWay.values()) controller.abort();
    underWay.clear();
  };

  function store(number: number, page: Page, asked: number) {
    slots.delete(number);
    slots.set(number, { rows: page.rows, version: asked });
    for (const old of slots.keys()) {
      if (slots.size <= KEEP) break;
      slots.delete(old);
    }
    total = page.total;
    error = "";
  }

  async function load(number: number) {
    const controller = new AbortController();
    underWay.set(number, controller);
    const asked = version;
    try {
      const page = await fetch({ ...query, offset: number * PAGE_SIZE, limit: PAGE_SIZE }, controller.signal);
      if (controller.signal.aborted) return;
      store(number, page, asked);
    } catch (reason) {
      if (controller.signal.aborted) return;
      error = reason instanceof Error ? reason.message : String(reason);
    }
    if (underWay.get(number) === controller) underWay.delete(number);
    changed();
  }

  function want(first: number, last: number) {
    range = [first, last];
    const end = total === undefined ? 0 : Math.max(0, Math.ceil(total / PAGE_SIZE) - 1);
    const from = Math.max(0, Math.floor(first / PAGE_SIZE));
    const to = Math.min(end, Math.floor(last / PAGE_SIZE));
    for (let number = from; number <= to; number += 1) {
      const slot = slots.get(number);
      if (slot !== undefined) {
        slots.delete(number);
        slots.set(number, slot);
      }
      if (slot?.version !== version && !underWay.has(number)) void load(number);
    }
  }

  return {
    total: () => total,
    row: (index) => slots.get(Math.floor(index / PAGE_SIZE))?.rows[index % PAGE_SIZE],
    error: () => error,
    want,
    reset(next) {
      stop();
      query = next;
      slots.clear();
      total = undefined;
      error = "";
      version += 1;
      changed();
      want(0, 0);
    },
    refresh() {
      stop();
      version += 1;
      want(...range);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose() {
      stop();
      listeners.clear();
    },
  };
}
