/** A signed bar around a central axis: its side and the printed sign show the direction, never colour alone. */

import { el, setClass, setText } from "./dom";

export interface Bar {
  node: HTMLElement;
  /** `towards` says whether relabelling the row pushes the query towards the other class. */
  update(value: number, words: string, largest: number, towards: boolean): void;
}

export function createBar(): Bar {
  const fill = el("span", "bar-fill", { "aria-hidden": "true" });
  const axis = el("span", "bar-axis", { "aria-hidden": "true" });
  const label = el("span", "bar-value");
  const node = el("div", "bar", el("span", "bar-track", fill, axis), label);
  return {
    node,
    update(value, words, largest, towards) {
      const share = largest > 0 ? Math.min(1, Math.abs(value) / largest) : 0;
      fill.style.width = `${share * 50}%`;
      fill.style.left = value < 0 ? `${50 - share * 50}%` : "50%";
      setClass(fill, "left", value < 0);
      setClass(fill, "against", !towards);
      setText(label, words);
    },
  };
}
