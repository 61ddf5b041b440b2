/** A long list: only the visible lines exist, whatever its length. One of them has the tab stop. */

import type { Pages } from "../pages";
import type { Session } from "../session";
import { el, focused, listen, setAttribute, setClass, setText } from "./dom";
import { moved } from "./keys";

/** Browsers stop drawing somewhere above this; beyond it, scroll bar positions are mapped to positions in the list. */
const TALLEST = 8_000_000; // px
const WAIT = 40; // ms between two requests while it scrolls

export interface Line {
  node: HTMLElement;
  /** The element that takes the focus. */
  target: HTMLElement;
}

export interface Options<Row, L extends Line> {
  label: string;
  names: string;
  /** What stands above the lines. */
  heads: HTMLElement[];
  /** Whether several lines can be chosen. */
  multi: boolean;
  pages: Pick<Pages<Row, never>, "total" | "row" | "error">;
  rowHeight: number;
  /** Lines kept above and below what is visible. */
  spare: number;
  create(): L;
  update(line: L, index: number): void;
  /** The visible lines changed. */
  onRange(first: number, last: number): void;
  /** The line with the tab stop changed. */
  onActive?(index: number): void;
}

export interface Virtual<Row, L extends Line> {
  node: HTMLElement;
  body: HTMLElement;
  /** Shown while there are no lines; takes over their focus, or else a notebook would get the next key. */
  empty: HTMLElement;
  lines: ReadonlyMap<number, L>;
  active(): number;
  range(): [number, number];
  /** `words` stand there while it is empty. */
  draw(words: string, isBusy?: boolean): void;
  /** The place of a row, if it is among the first ones. */
  find(row: number | undefined): number | undefined;
  /** The rows from one place to another, in their order. */
  between(from: number, to: number): Row[];
  /** To the top, with the tab stop on the first line. */
  reset(): void;
  activate(index: number): void;
  focus(index: number): void;
  reveal(index: number): void;
  indexOf(target: EventTarget | null): number | undefined;
  /** Moves the focus; false for keys that do not. */
  onKey(event: KeyboardEvent): boolean;
}

const LOOKED_AT = 500; // lines, for the place of a row

export function createVirtual<Row extends { row: number }, L extends Line>(atEnd: Session["atEnd"], options: Options<Row, L>): Virtual<Row, L> {
  const { rowHeight, pages } = options;
  const total = () => pages.total() ?? 0;
  const lines = new Map<number, L>();
  const spacer = el("div", "spacer", { role: "none" });
  const body = el("div", `scroll ${options.names}`, { role: "rowgroup" }, spacer);
  const empty = el("p", "empty", { tabindex: -1 });
  const role = { role: "grid", "aria-label": options.label, "aria-multiselectable": options.multi && "true" };
  const grid = el("div", "grid", role, ...options.heads, body);
  let active = 0;
  let timer = 0;

  const height = () => body.clientHeight || 480;
  const whole = () => total() * rowHeight;
  const real = () => Math.min(whole(), TALLEST);
  const stretch = () => (whole() <= TALLEST ? 1 : (whole() - height()) / Math.max(1, real() - height()));
  const top = () => body.scrollTop * stretch();
  const scrollTo = (place: number) => {
    body.scrollTop = place / stretch();
  };
  const range = (): [number, number] => {
    const first = Math.floor(top() / rowHeight);
    return [Math.max(0, first), Math.max(0, Math.min(total() - 1, first + Math.ceil(height() / rowHeight)))];
  };

  /** The focused line stays in the page when it is scrolled away, or else the focus would be lost. */
  function wanted(): number[] {
    const [first, last] = range();
    const indices: number[] = [];
    for (let i = Math.max(0, first - options.spare); i < Math.min(total(), last + 1 + options.spare); i += 1) indices.push(i);
    const from = indices[0] ?? 0;
    if (active < total() && !indices.includes(active)) active < from ? indices.unshift(active) : indices.push(active);
    return indices;
  }

  function redraw() {
    const before = focused(spacer);
    const held = before !== null && (before === empty || spacer.contains(before));
    body.hidden = total() === 0;
    empty.hidden = !body.hidden && pages.error() === "";
    layOut();
    if (held && !spacer.contains(focused(spacer))) (lines.get(active)?.target ?? empty).focus({ preventScroll: true });
  }

  function layOut() {
    spacer.style.height = `${real()}px`;
    if (active >= total()) active = Math.max(0, total() - 1);
    const indices = wanted();
    const keep = new Set(indices);
    for (const [index, line] of lines) {
      if (keep.has(index)) continue;
      line.node.remove();
      lines.delete(index);
    }
    const shift = body.scrollTop - top();
    let before: HTMLElement | null = null;
    for (const index of indices) {
      let line = lines.get(index);
      if (line === undefined) {
        lines.set(index, (line = options.create()));
        line.node.dataset["index"] = String(index);
        spacer.insertBefore(line.node, before === null ? spacer.firstChild : before.nextSibling);
      }
      before = line.node;
      line.node.style.transform = `translateY(${index * rowHeight + shift}px)`;
      setAttribute(line.node, "aria-rowindex", index + 2); // the header is line 1
      setAttribute(line.target, "tabindex", index === active ? 0 : -1);
      options.update(line, index);
    }
  }

  function reveal(index: number) {
    const place = index * rowHeight;
    if (place < top()) scrollTo(place);
    else if (place + rowHeight > top() + body.clientHeight) scrollTo(place + rowHeight - body.clientHeight);
  }

  function activate(index: number) {
    if (index === active) return;
    active = index;
    redraw();
    options.onActive?.(index);
  }

  function focus(index: number) {
    reveal(index);
    if (index !== active) activate(index);
    else redraw();
    lines.get(index)?.target.focus({ preventScroll: true });
    options.onRange(...range());
  }

  const indexOf = (target: EventTarget | null) => {
    const node = target instanceof Element ? target.closest<HTMLElement>("[data-index]") : null;
    return node === null || !body.contains(node) ? undefined : Number(node.dataset["index"]);
  };

  listen(body, "scroll", () => {
    redraw();
    if (timer === 0) {
      options.onRange(...range());
      timer = window.setTimeout(() => {
        timer = 0;
        options.onRange(...range());
      }, WAIT);
    }
  });
  listen(body, "focusin", (event) => {
    const index = indexOf(event.target);
    if (index !== undefined) activate(index);
  });
  const resize = new ResizeObserver(() => {
    redraw();
    options.onRange(...range());
  });
  resize.observe(body);
  atEnd(() => resize.disconnect());

  return {
    node: el("div", "grid-box", grid, empty),
    body,
    empty,
    lines,
    active: () => active,
    range,
    draw(words, isBusy = pages.total() === undefined) {
      setClass(grid, "bare", total() === 0);
      setAttribute(grid, "aria-rowcount", pages.total() === undefined ? -1 : total() + 1);
      setAttribute(grid, "aria-busy", String(isBusy));
      setText(empty, pages.error() || words);
      redraw();
    },
    find(row) {
      for (let i = 0; i < Math.min(total(), LOOKED_AT); i += 1) if (row !== undefined && pages.row(i)?.row === row) return i;
      return undefined;
    },
    between(from, to) {
      const rows: Row[] = [];
      for (let i = Math.min(from, to); i <= Math.max(from, to); i += 1) {
        const row = pages.row(i);
        if (row !== undefined) rows.push(row);
      }
      return rows;
    },
    reset() {
      active = 0;
      body.scrollTop = 0;
    },
    activate,
    focus,
    reveal,
    indexOf,
    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return false;
      const screenful = Math.max(1, Math.floor(height() / rowHeight) - 1);
      const to = moved(event.key, active, total(), screenful);
      if (to === undefined) return false;
      event.preventDefault();
      focus(to);
      return true;
    },
  };
}
