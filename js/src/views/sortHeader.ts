/** The header of the list of test rows: one button per column, one tab stop for all. */

import type { PageQuery } from "../protocol";
import { HEADINGS, type Column } from "../wire";
import { el, listen, roving, setAttribute, setText } from "./dom";

const NUMERIC: ReadonlySet<Column> = new Set(["row", "proba", "margin", "flip_size"]);

export interface SortHeader {
  node: HTMLElement;
  /** `whose` is the class that the probabilities are of. */
  update(query: PageQuery, whose: string): void;
}

export function createSortHeader(ask: (query: Partial<PageQuery>) => void): SortHeader {
  let query: PageQuery | undefined;
  const columns = HEADINGS.map(([column, heading, title]) => {
    const arrow = el("span", "arrow", { "aria-hidden": "true" });
    const button = el("button", "sort", { type: "button", tabindex: -1, title }, heading, arrow);
    const node = el("div", NUMERIC.has(column) ? "cell num" : "cell", { role: "columnheader" }, button);
    listen(button, "click", () => {
      ask({ sort: column, meta: null, descending: query?.sort === column && query.meta === null ? !query.descending : false });
    });
    return { column, node, button, arrow };
  });
  const node = el("div", "row head", { role: "row", "aria-rowindex": 1 }, ...columns.map((column) => column.node));

  const stop = (index: number) => columns.forEach(({ button }, i) => setAttribute(button, "tabindex", i === index ? 0 : -1));
  stop(0);
  roving(node, columns.map(({ button }) => button), stop);

  return {
    node,
    update(next, whose) {
      query = next;
      for (const { column, node: header, button, arrow } of columns) {
        const on = column === next.sort && next.meta === null;
        setAttribute(header, "aria-sort", on ? (next.descending ? "descending" : "ascending") : "none");
        setText(arrow, on ? (next.descending ? "▾" : "▴") : "");
        if (column === "proba") setAttribute(button, "title", `Probability of ${whose}`);
      }
    },
  };
}
