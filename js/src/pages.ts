/** The rows of a long list, fetched a page at a time around what is visible; least recently used pages are dropped. */

export const PAGE_SIZE = 100;
const KEEP = 24;

export interface Fetched<Row> {
  total: number;
  rows: Row[];
}

export type FetchPage<Row, Query> = (
  query: Query,
  offset: number,
  limit: number,
) => Promise<Fetched<Row>>;

export interface Pages<Row, Query> {
  /** Undefined while the query's first page is loading. */
  total(): number | undefined;
  row(index: number): Row | undefined;
  error(): string;
  /** Fetch what is missing or out of date around these rows. */
  want(first: number, last: number): void;
  /** Another query: forget everything. */
  reset(query: Query): void;
  /** The first rows of another query, or fresh ones of this query, that came with another answer. */
  seed(query: Query, fetched: Fetched<Row>): void;
  /** The data changed: what is shown stays until its new version arrives. */
  refresh(): void;
  /** Change rows in place; undefined leaves a row as it is. */
  patch(change: (row: Row) => Row | undefined): void;
  subscribe(listener: () => void): () => void;
  dispose(): void;
}

interface Slot<Row> {
  rows: Row[];
  version: number;
}

export function createPages<Row, Query>(fetch: FetchPage<Row, Query>, first: Query): Pages<Row, Query> {
  const slots = new Map<number, Slot<Row>>(); // least recently used first
  const underWay = new Map<number, object>(); // which answers are waited for
  const listeners = new Set<() => void>();
  let query = first;
  let total: number | undefined;
  let version = 0;
  let error = "";
  let range: [number, number] = [0, 0];

  const changed = () => {
    for (const listener of [...listeners]) listener();
  };

  const stop = () => underWay.clear();

  function store(number: number, rows: Row[], asked: number) {
    slots.delete(number);
    slots.set(number, { rows, version: asked });
    for (const old of slots.keys()) {
      if (slots.size <= KEEP) break;
      slots.delete(old);
    }
  }

  async function load(number: number) {
    const [own, asked] = [{}, version];
    underWay.set(number, own);
    let page: Fetched<Row> | undefined;
    let failed = "";
    try {
      page = await fetch(query, number * PAGE_SIZE, PAGE_SIZE);
    } catch (reason) {
      failed = reason instanceof Error ? reason.message : String(reason);
    }
    if (underWay.get(number) !== own) return;
    underWay.delete(number);
    error = failed;
    if (page !== undefined) {
      store(number, page.rows, asked);
      total = page.total;
    }
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

  function forget(next: Query) {
    stop();
    query = next;
    slots.clear();
    total = undefined;
    error = "";
    version += 1;
  }

  return {
    total: () => total,
    row: (index) => slots.get(Math.floor(index / PAGE_SIZE))?.rows[index % PAGE_SIZE],
    error: () => error,
    want,
    reset(next) {
      forget(next);
      changed();
      want(0, 0);
    },
    seed(next, fetched) {
      const same = next === query;
      if (same) version += 1;
      else forget(next);
      stop();
      total = fetched.total;
      const whole = fetched.rows.length < fetched.total ? Math.floor(fetched.rows.length / PAGE_SIZE) : Infinity;
      for (let number = 0; number < whole && number * PAGE_SIZE < fetched.rows.length; number += 1) {
        store(number, fetched.rows.slice(number * PAGE_SIZE, (number + 1) * PAGE_SIZE), version);
      }
      changed();
      if (same) want(...range); // what was under way was stopped
    },
    refresh() {
      stop();
      version += 1;
      want(...range);
    },
    patch(change) {
      for (const slot of slots.values()) slot.rows = slot.rows.map((row) => change(row) ?? row);
      changed();
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
