/** The list of test rows: only the lines in sight exist, whatever the length of the list. */

import type { Actions } from "../session";
import type { Pages } from "../pages";
import type { Store, View } from "../store";
import { el, setAttribute, setClass, setText, type Scope } from "./dom";
import { moved } from "./keys";
import { createSortHeader } from "./sortHeader";
import { createLine, ROW_HEIGHT, type Line } from "./testRow";

const SPARE = 6; // lines kept above and below what is visible
const WAIT = 50; // ms between a scroll and a request
const TALLEST = 15_000_000; // px; browsers stop drawing somewhere above

export function createTestGrid(scope: Scope, store: Store<View>, pages: Pages, actions: Actions): HTMLElement {
  const lines = new Map<number, Line>();
  const spacer = el("div", "spacer", { role: "none" });
  const body = el("div", "scroll test-scroll", { role: "rowgroup" }, spacer);
  const header = createSortHeader(scope, actions.ask);
  const head = el("div", "heads", { role: "rowgroup" }, header.node);
  const grid = el("div", "grid test-grid", { role: "grid", "aria-label": "Test rows", "aria-colcount": 7 }, head, body);
  const message = el("p", "empty");
  const node = el("div", "grid-box", {}, grid, message);
  let active = 0;
  let query = store.get().query;
  let timer = 0;
  let shown: number | null = null; // the chosen row that was last in sight because somebody chose it

  const total = () => Math.min(pages.total() ?? 0, Math.floor(TALLEST / ROW_HEIGHT));
  const screenful = () => Math.max(1, Math.floor(body.clientHeight / ROW_HEIGHT) - 1);
  const span = (): [number, number] => {
    const first = Math.floor(body.scrollTop / ROW_HEIGHT);
    return [first, first + Math.ceil((body.clientHeight || 600) / ROW_HEIGHT)];
  };

  function keep(indices: Set<number>) {
    for (const [index, line] of lines) {
      if (indices.has(index)) continue;
      line.node.remove();
      lines.delete(index);
    }
  }

  /** The line with the focus stays in the page when it is scrolled away; else the focus would be lost. */
  function wanted(): Set<number> {
    const [first, last] = span();
    const indices = new Set<number>();
    for (let i = Math.max(0, first - SPARE); i < Math.min(total(), last + SPARE); i += 1) indices.add(i);
    if (active < total()) indices.add(active);
    return indices;
  }

  /** A row that Python chose comes into sight; where it is, is known only while the list has its own order. */
  function reveal() {
    const { testRow, query: { sort, descending, filter, search } } = store.get();
    if (testRow === shown || body.clientHeight === 0 || total() === 0) return;
    shown = testRow;
    if (testRow === null || sort !== "row" || descending || filter !== "all" || search !== "") return;
    const top = testRow * ROW_HEIGHT;
    active = Math.min(testRow, total() - 1);
    if (top < body.scrollTop || top + ROW_HEIGHT > body.scrollTop + body.clientHeight) {
      body.scrollTop = top - body.clientHeight / 2;
      pages.want(...span());
    }
  }

  function draw() {
    reveal();
    const picked = store.get().testRow;
    const indices = wanted();
    keep(indices);
    for (const index of [...indices].sort((a, b) => a - b)) {
      let line = lines.get(index);
      if (line === undefined) {
        lines.set(index, (line = createLine()));
        line.node.dataset["index"] = String(index);
        spacer.append(line.node);
      }
      const row = pages.row(index);
      line.update(index, row, row !== undefined && row.row === picked);
      setAttribute(line.node, "tabindex", index === active ? 0 : -1);
    }
  }

  function drawFrame() {
    const { shared, query: now } = store.get();
    if (now !== query) {
      query = now;
      active = 0;
      body.scrollTop = 0;
    }
    header.update(now, shared.classes[1]);
    const known = pages.total();
    spacer.style.height = `${total() * ROW_HEIGHT}px`;
    body.hidden = total() === 0;
    setClass(grid, "bare", total() === 0);
    setAttribute(grid, "aria-rowcount", known === undefined ? -1 : known + 1);
    setAttribute(grid, "aria-busy", String(known === undefined));
    const words = known === undefined ? "Loading the test rows…" : "No test row fits this search and filter.";
    setText(message, pages.error() || words);
    message.hidden = known !== undefined && known > 0 && pages.error() === "";
    if (active >= total()) active = Math.max(0, total() - 1);
    draw();
  }

  function focus(index: number) {
    active = index;
    const top = index * ROW_HEIGHT;
    if (top < body.scrollTop) body.scrollTop = top;
    else if (top + ROW_HEIGHT > body.scrollTop + body.clientHeight) body.scrollTop = top + ROW_HEIGHT - body.clientHeight;
    draw();
    lines.get(index)?.node.focus({ preventScroll: true });
  }

  function pick(index: number) {
    const row = pages.row(index);
    if (row === undefined) return;
    shown = row.row;
    actions.select(row.row);
  }

  const indexOf = (target: EventTarget | null) => {
    const line = target instanceof Element ? target.closest<HTMLElement>(".rlw-test-row") : null;
    return line === null ? undefined : Number(line.dataset["index"]);
  };

  scope.listen(body, "click", (event) => {
    const index = indexOf(event.target);
    if (index === undefined) return;
    focus(index);
    pick(index);
  });
  scope.listen(body, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return pick(active);
    }
    const to = moved(event.key, active, total(), screenful());
    if (to === undefined) return;
    event.preventDefault();
    focus(to);
  });
  scope.listen(body, "scroll", () => {
    draw();
    clearTimeout(timer);
    timer = window.setTimeout(() => pages.want(...span()), WAIT);
  });
  scope.add(() => clearTimeout(timer));
  scope.add(pages.subscribe(drawFrame));
  scope.add(store.subscribe(drawFrame));
  const resize = new ResizeObserver(draw);
  resize.observe(body);
  scope.add(() => resize.disconnect());
  drawFrame();
  pages.want(...span());
  return node;
}
