/** The list of test rows. */

import type { Session } from "../session";
import { FIRST_QUERY } from "../store";
import { drawn, el, listen } from "./dom";
import { quoted } from "./names";
import { createSortHeader } from "./sortHeader";
import { createLine, ROW_HEIGHT } from "./testRow";
import { createVirtual } from "./virtual";

export interface TestGrid {
  node: HTMLElement;
  focus(): void;
}

export function createTestGrid({ store, pages, actions, watch, atEnd }: Session): TestGrid {
  const header = createSortHeader(actions.ask);
  let query = store.get().query;
  let shown: number | null = null; // the chosen row that was last scrolled into view

  const inSight = () => watch(list.between(...list.range()).map(({ row }) => row));
  const list = createVirtual(atEnd, {
    label: "Test rows",
    names: "test-scroll",
    heads: [el("div", "heads", { role: "rowgroup" }, header.node)],
    multi: false,
    pages,
    rowHeight: ROW_HEIGHT,
    spare: 8,
    create: createLine,
    update(line, index) {
      const row = pages.row(index);
      line.update(row, row !== undefined && row.row === store.get().testRow);
    },
    onRange(first, last) {
      pages.want(first - 20, last + 20);
      inSight();
    },
  });
  const { body, node } = list;
  node.classList.add("rlw-test-grid");

  /** Scrolls to a row that Python chose; its position is known only while the list is unsorted and unfiltered. */
  function reveal() {
    const { testRow, query } = store.get();
    if (testRow === shown || body.clientHeight === 0 || pages.total() === undefined) return;
    shown = testRow;
    if (testRow === null || JSON.stringify(query) !== JSON.stringify(FIRST_QUERY)) return;
    list.activate(testRow);
    list.reveal(testRow);
    pages.want(...list.range());
  }

  function draw() {
    const { shared, query: now } = store.get();
    if (now !== query) {
      query = now;
      list.reset();
    }
    header.update(now, shared.classes.length > 2 ? "the predicted class" : quoted(shared.classes[1]));
    list.draw(pages.total() === undefined ? "Loading the test rows…" : "No test rows match.");
    reveal();
  }

  function pick(index: number) {
    const row = pages.row(index);
    if (row === undefined) return;
    shown = row.row;
    actions.select(row.row);
  }

  listen(body, "click", (event) => {
    const index = list.indexOf(event.target);
    if (index === undefined) return;
    list.focus(index);
    pick(index);
  });
  listen(body, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pick(list.active());
    } else list.onKey(event);
  });
  pages.subscribe(() => {
    draw();
    inSight();
  });
  drawn(store, draw);
  pages.want(0, 40);
  return { node, focus: () => list.focus(list.active()) };
}
