/** One line of the list of training rows. Its checkbox carries the focus. */

import type { TrainRow } from "../protocol";
import { createBar } from "./bar";
import { el, setAttribute, setClass, setText, uniqueId } from "./dom";

export interface TrainLine {
  node: HTMLElement;
  box: HTMLInputElement;
  update(row: TrainRow, marked: boolean, largest: number, towards: boolean): void;
}

export function createTrainLine(number: number): TrainLine {
  const cell = (names = "") => el("div", `cell ${names}`, { role: "gridcell" });
  const id = uniqueId("train");
  const box = el("input", "box", { type: "checkbox", tabindex: -1, "aria-label": `Relabel row ${number}`, "aria-describedby": id });
  const [rank, check, text, label] = [cell("num"), cell("check"), cell("train-text"), cell("change")];
  const words = el("span", "clamp", { id });
  const name = el("span", "row-id");
  const chip = el("span", "chip");
  const bar = createBar();
  const [original, corrected] = [el("span", "label-old"), el("span", "label-new")];
  check.append(box);
  text.append(words, el("span", "row-facts", {}, name, chip));
  label.append(original, corrected);
  const barCell = cell();
  barCell.append(bar.node);
  const node = el("div", "row train-row", { role: "row" }, rank, check, text, label, barCell);
  node.dataset["row"] = String(number);
  return {
    node,
    box,
    update(row, marked, largest, towards) {
      setText(rank, String(row.rank));
      setText(words, row.text);
      setText(name, row.id === String(row.row) ? `row ${row.row}` : `row ${row.row} · ${row.id}`);
      // While Python's answer is under way the mark is ahead of `current`.
      const current = marked === row.relabelled ? row.current : marked ? "…" : row.original;
      setText(original, row.original);
      setText(corrected, marked ? `→ ${current}` : "");
      setClass(label, "changed", marked);
      bar.update(row.influence, largest, towards);
      setText(chip, row.inSet ? "in flip set" : "");
      chip.hidden = !row.inSet;
      setClass(node, "in-set", row.inSet);
      setClass(node, "marked", marked);
      if (box.checked !== marked) box.checked = marked;
      setAttribute(node, "aria-selected", String(marked));
    },
  };
}
