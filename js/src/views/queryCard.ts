/** The chosen test row in full, with its classes and probability. */

import type { Ranking } from "../protocol";
import type { Session } from "../session";
import type { View } from "../store";
import { setContent } from "./content";
import { drawn, el, setAttribute, setText, term } from "./dom";
import { createName } from "./names";

function fact(label: string | Node): { node: HTMLElement; set(value: string): void } {
  const value = el("span", "value", { dir: "auto" });
  const node = el("div", "fact-box", el("span", "label", label), value);
  return { node, set: (text) => setText(value, (value.title = text)) };
}

/** The metadata of a row on one line, whole on hover. */
export function setMeta(node: HTMLElement, row: { meta: string } | null): void {
  node.hidden = !row?.meta;
  setText(node, (node.title = row?.meta ?? ""));
}

const STEPS = [
  "Pick a test row with a click or Enter.",
  "Find its flip set, the training labels that decide it, and try it: nothing is recorded.",
  "Read the rows, decide about each, verify by retraining, and export.",
];

/** The threshold as a line on a scale from 0 to 1, the probability as a dot. */
function createScale() {
  const dot = el("span", "scale-dot");
  const line = el("span", "scale-line");
  const ends = [createName("scale-end"), createName("scale-end")] as const;
  const node = el("div", "scale", { "aria-hidden": "true" }, ends[0].node, el("span", "scale-track", line, dot), ends[1].node);
  return {
    node,
    update(value: number, threshold: number, [first, second]: readonly [string, string, ...string[]]) {
      ends[0].set(first);
      ends[1].set(second);
      dot.style.left = `${value * 100}%`;
      line.style.left = `${threshold * 100}%`;
    },
  };
}

export function createQueryCard({ store }: Session): HTMLElement {
  const title = el("h4", "heading");
  const text = el("blockquote", "query", { tabindex: 0, dir: "auto" });
  const known = ["Predicted", "True label", "Probability", term("Margin")].map(fact);
  const scale = createScale();
  const facts = el("div", "facts", ...known.map((one) => one.node));
  const meta = el("p", "muted meta", { dir: "auto" });
  const body = el("div", "card-body", text, facts, meta);
  const empty = el("p", "empty");
  const steps = el("ol", "steps", ...STEPS.map((words) => el("li", "", words)));
  const node = el("div", "card query-card", el("div", "card-head", title, scale.node), body, empty, steps);

  function fill(row: Ranking, view: Readonly<View>) {
    const shared = view.words?.words ?? [];
    setContent(text, row, shared.map(({ word }) => word), false, shared.map(({ part }) => Math.abs(part)));
    setMeta(meta, row);
    setAttribute(text, "aria-label", `Text of test row ${row.row}`);
    known.forEach((one, i) => one.set(row.facts[i] ?? ""));
    scale.update(row.proba, view.threshold, view.shared.classes);
  }

  drawn(store, (view) => {
    const { ranking, testRow, rankingState } = view;
    setText(title, testRow === null ? "No test row picked" : `Test row ${testRow}`);
    body.hidden = ranking === null;
    scale.node.hidden = ranking === null || view.shared.classes.length > 2;
    empty.hidden = ranking !== null || testRow === null;
    steps.hidden = testRow !== null;
    if (ranking !== null) fill(ranking, view);
    else setText(empty, rankingState === "failed" ? view.rankingError : "Loading…");
  });
  return node;
}
