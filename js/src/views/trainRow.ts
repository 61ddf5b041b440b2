/** One line of the list of training rows. Its checkbox carries the focus. */

import type { TrainRow } from "../protocol";
import { createBar } from "./bar";
import { setContent } from "./content";
import { el, setAttribute, setClass, setText, uniqueId } from "./dom";
import { createName } from "./names";
import type { Line } from "./virtual";

export const TRAIN_HEIGHT = 68;

export interface TrainLine extends Line {
  box: HTMLInputElement;
  row(): TrainRow | undefined;
  update(row: TrainRow | undefined, state: LineState): void;
}

export interface LineState {
  marked: boolean;
  /** The label on trial; null where it is the one suggested. */
  tried: string | null | undefined;
  chosen: boolean;
  active: boolean;
  largest: number;
  /** Whether relabelling the row pushes the query towards the other class. */
  towards: boolean;
  classes: readonly string[];
  /** Whether the shares of a refit with the whole set are known, and that of this row: other shares would not add up with it. */
  verified: boolean;
  verifiedShare: string | undefined;
}

export function createTrainLine(): TrainLine {
  const cell = (names = "") => el("div", `cell ${names}`, { role: "gridcell" });
  const id = uniqueId("train");
  const box = el("input", "box", { type: "checkbox", tabindex: -1, "aria-describedby": id });
  const [rank, check, text, label] = [cell("num"), cell("check"), cell("train-text"), cell("change")];
  const words = el("span", "clamp", { id, dir: "auto" });
  const name = el("span", "row-number");
  const ident = el("bdi", "row-id");
  const [chip, said, who] = [el("span", "chip"), el("span", "chip said"), el("span", "who", { dir: "auto" })];
  const bar = createBar();
  const share = el("span", "share");
  const [original, corrected, suggested] = [createName("label-old"), createName("label-new"), createName()];
  const arrow = el("span", "", { "aria-hidden": "true" }, "→");
  const pick = el("select", "input new-label", { tabindex: -1 });
  check.append(box);
  text.append(words);
  label.append(el("span", "row-facts", name, ident, chip, said, who), el("span", "labels", original.node, pick, arrow, corrected.node, suggested.node));
  const barCell = cell("bar-cell");
  barCell.append(share, bar.node);
  const node = el("div", "row train-row", { role: "row" }, rank, check, text, label, barCell);
  let shown: TrainRow | undefined;
  return {
    node,
    target: box,
    box,
    row: () => shown,
    update(row, { marked, tried, chosen, active, largest, towards, classes, verified, verifiedShare }) {
      shown = row;
      setClass(node, "waiting", row === undefined);
      setAttribute(node, "aria-selected", String(chosen));
      setClass(node, "chosen", chosen);
      setClass(node, "active", active);
      setClass(node, "in-set", row?.in_set === true);
      setClass(node, "marked", marked);
      const trial = row !== undefined && tried !== undefined;
      setClass(node, "tried", trial);
      if (box.checked !== marked) box.checked = marked;
      setAttribute(box, "aria-label", row === undefined ? "Loading" : `Relabel row ${row.row}`);
      setText(rank, row === undefined ? "" : String(row.rank));
      setContent(words, row, row?.words, true);
      setText(name, row === undefined ? "" : `row ${row.row}`);
      setText(ident, row?.id ?? "");
      // Until Python answers, the mark is ahead of `current`.
      const ahead = row !== undefined && marked !== row.relabelled;
      const current = row === undefined ? "" : !ahead ? row.current : marked ? row.suggested : row.original;
      const several = classes.length > 2 && row !== undefined;
      if (several && pick.length === 0) pick.append(...classes.map((one) => el("option", "", { value: one }, one)));
      const changed = marked || trial;
      const other = tried ?? (trial && marked ? row.original : (row?.suggested ?? ""));
      original.set(trial && !several ? current : (row?.original ?? ""));
      corrected.set(trial ? other : current);
      suggested.set(other);
      original.node.hidden = several && !marked;
      corrected.node.hidden = several || !changed;
      suggested.node.hidden = !several || (marked && !trial);
      arrow.hidden = several ? suggested.node.hidden : !changed;
      pick.hidden = !several;
      pick.tabIndex = active ? 0 : -1;
      if (!(ahead && marked && pick.value !== row.original) && pick.value !== current) pick.value = current;
      setAttribute(pick, "aria-label", `New label of row ${row?.row}`);
      if (!trial) setAttribute(suggested.node, "title", `The checkbox takes ${other}`);
      setClass(label, "changed", changed);
      bar.update(row?.influence ?? 0, row?.change ?? "", largest, towards);
      bar.node.hidden = row === undefined;
      setText(share, verifiedShare ?? (verified ? "" : (row?.share ?? "")));
      const word = trial ? "on trial" : marked ? "" : (row?.said ?? "");
      setText(said, word);
      setClass(said, "dashed", trial);
      said.hidden = word === "";
      setText(chip, row?.in_set !== true ? "" : said.hidden ? "◆ in flip set" : "◆"); // no room for both
      chip.hidden = row?.in_set !== true;
      setText(who, row?.facts ?? "");
    },
  };
}
