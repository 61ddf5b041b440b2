/** One line of the list of test rows. */

import type { TestRow } from "../protocol";
import { setContent } from "./content";
import { el, setAttribute, setClass, setText } from "./dom";
import { plural, proba, signed } from "./format";
import { createName } from "./names";
import type { Line } from "./virtual";

export const ROW_HEIGHT = 52;

export interface TestLine extends Line {
  update(row: TestRow | undefined, picked: boolean): void;
}

/** The effect of the last verification on the prediction: a shape, a word and a colour. */
function verdict(row: TestRow): [words: string, tone: string] {
  if (row.flipped === null) return ["–", ""];
  if (!row.flipped) return ["same", ""];
  const tone = worth(row);
  return [`${SIGNS[tone]} flips`, tone];
}

export type Worth = "fact" | "better" | "worse";
export const SIGNS: Record<Worth, string> = { fact: "⇄", better: "▲", worse: "▼" };

/** What the flip of a row is worth: with several classes, one wrong class may take the place of another. */
export function worth({ label, predicted, verifiedPredicted }: TestRow): Worth {
  if (label === predicted) return "worse";
  return label !== null && label === verifiedPredicted ? "better" : "fact";
}

/** The cell's text, and what screen readers say: a bare number would be mistaken for the row's own. */
function sizeWords({ flipSize }: TestRow): [words: string, said: string] {
  if (flipSize === null) return ["·", "not searched"];
  return flipSize === 0 ? ["none", "none"] : [String(flipSize), plural(flipSize, "row")];
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
      setText(chance, proba(row.proba));
      setText(margin, signed(row.margin));
      const [rows, said] = sizeWords(row);
      setText(size, rows);
      setAttribute(size, "aria-label", said);
      const [words, tone] = verdict(row);
      setText(mark, words);
      setAttribute(mark, "title", row.flipped === true && row.verifiedPredicted !== null && `to ${row.verifiedPredicted}`);
      for (const name of ["fact", "better", "worse"]) setClass(mark, name, name === tone);
    },
  };
}
