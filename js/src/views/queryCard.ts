/** The chosen test row in full, with its classes and probability. */

import type { Ranking } from "../protocol";
import type { Session } from "../session";
import type { View } from "../store";
import { setContent } from "./content";
import { drawn, el, setAttribute, setText, term } from "./dom";
import { proba, signed } from "./format";
import { createName, quoted } from "./names";

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
  const [predicted, label, chance, margin] = [fact("Predicted"), fact("True label"), fact("Probability"), fact(term("Margin"))];
  const scale = createScale();
  const facts = el("div", "facts", predicted.node, label.node, chance.node, margin.node);
  const meta = el("p", "muted meta", { dir: "auto" });
  const body = el("div", "card-body", text, facts, meta);
  const empty = el("p", "empty");
  const steps = el("ol", "steps", ...STEPS.map((words) => el("li", "", words)));
  const node = el("div", "card query-card", el("div", "card-head", title, scale.node), body, empty, steps);

  function fill(row: Ranking, view: Readonly<View>) {
    const { summary } = row;
    const shared = view.words?.words ?? [];
    setContent(text, row, shared.map(({ word }) => word), false, shared.map(({ part }) => Math.abs(part)));
    setMeta(meta, row);
    setAttribute(text, "aria-label", `Text of test row ${summary.row}`);
    predicted.set(summary.predicted);
    const wrong = summary.label !== null && summary.label !== summary.predicted;
    label.set(summary.label === null ? "unknown" : `${summary.label}${wrong ? " (misclassified)" : ""}`);
    const own = summary.ownProba === null ? "" : `, your estimator ${proba(summary.ownProba)}`;
    const several = view.shared.classes.length > 2;
    chance.set(`${proba(summary.proba)} for ${quoted(several ? summary.predicted : view.shared.classes[1])}${own}`);
    margin.set(signed(summary.margin) + (several ? ` over the rival ${quoted(summary.rival)}` : ""));
    scale.update(summary.proba, view.threshold, view.shared.classes);
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
