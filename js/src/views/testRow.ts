/** One line of the list of test rows. */

import type { TestRow } from "../protocol";
import { el, setAttribute, setClass, setText } from "./dom";
import { proba } from "./format";

export const ROW_HEIGHT = 46;

export interface Line {
  node: HTMLElement;
  update(index: number, row: TestRow | undefined, picked: boolean): void;
}

function verdict({ flipped }: TestRow): string {
  if (flipped === null) return "–";
  return flipped ? "⇄ flips" : "same";
}

export function createLine(): Line {
  const cell = (names = "") => el("div", `cell ${names}`, { role: "gridcell" });
  const [number, label, predicted, chance, size, mark] = [cell("num"), cell(), cell(), cell("num"), cell("num"), cell()];
  const text = cell();
  const clamp = el("span", "clamp");
  text.append(clamp);
  const cells = [number, text, label, predicted, chance, size, mark];
  const node = el("div", "row test-row", { role: "row", tabindex: -1 }, ...cells);
  return {
    node,
    update(index, row, picked) {
      node.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
      setAttribute(node, "aria-rowindex", index + 2); // the header is line 1
      setAttribute(node, "aria-selected", String(picked));
      setClass(node, "picked", picked);
      setClass(node, "waiting", row === undefined);
      setText(number, row === undefined ? "" : String(row.row));
      setText(clamp, row?.text ?? "Loading…");
      setText(label, row === undefined ? "" : (row.label ?? "–"));
      setAttribute(label, "title", row?.label ?? false);
      setText(predicted, row?.predicted ?? "");
      const wrong = row !== undefined && row.label !== null && row.label !== row.predicted;
      setClass(predicted, "wrong", wrong);
      setAttribute(predicted, "title", wrong ? `${row.predicted}: differs from the true label` : (row?.predicted ?? false));
      setText(chance, row === undefined ? "" : proba(row.proba));
      setText(size, row === undefined ? "" : String(row.flipSize ?? "–"));
      setText(mark, row === undefined ? "" : verdict(row));
      setClass(mark, "fact", row?.flipped === true);
    },
  };
}
