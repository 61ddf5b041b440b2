/** One line of the list of test rows. */

import type { TestRow } from "../protocol";
import { setContent } from "./content";
import { el, setAttribute, setClass, setText } from "./dom";
import { createName } from "./names";
import type { Line } from "./virtual";

export const ROW_HEIGHT = 52;

export interface TestLine extends Line {
  update(row: TestRow | undefined, picked: boolean): void;
}

export function createLine(): TestLine {
  const cell = (names = "") => el("div", `cell ${names}`, { role: "gridcell" });
  const [number, label, predicted, chance, margin, size, mark] = [cell("num"), cell(), cell(), cell("num"), cell("num"), cell("num"), cell()];
  const [truth, given] = [createName(), createName()];
  label.append(truth.node);
  predicted.append(given.node);
  const text = cell();
  const clamp = el("span", "clamp", { dir: "auto" });
  text.append(clamp);
  const cells = [number, text, label, predicted, chance, margin, size, mark];
  const node = el("div", "row test-row", { role: "row", tabindex: -1 }, ...cells);
  return {
    node,
    target: node,
    update(row, picked) {
      setAttribute(node, "aria-selected", String(picked));
      setClass(node, "picked", picked);
      setClass(node, "waiting", row === undefined);
      if (row === undefined) {
        for (const one of [number, chance, margin, size, mark]) setText(one, "");
        for (const one of [truth, given]) one.set("");
        return setContent(clamp, row);
      }
      setText(number, String(row.row));
      setContent(clamp, row, [], true);
      truth.set(row.label ?? "–");
      given.set(row.predicted);
      const wrong = row.label !== null && row.label !== row.predicted;
      setClass(predicted, "wrong", wrong);
      setAttribute(given.node, "title", wrong ? `${row.predicted}, not the true label` : row.predicted);
      setText(chance, row.proba);
      setText(margin, row.margin);
      setText(size, row.size.shown);
      setAttribute(size, "aria-label", row.size.said);
      const { words, worth, to } = row.verdict;
      setText(mark, words);
      setAttribute(mark, "title", to);
      for (const name of ["fact", "better", "worse"]) setClass(mark, name, name === worth);
    },
  };
}
