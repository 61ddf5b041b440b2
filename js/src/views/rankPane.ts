/** Right pane: the chosen row, what can be done with it, what is known, and the training rows that decide it. */

import type { Actions } from "../session";
import type { Store, View } from "../store";
import { button, el, setClass, setText, type Scope } from "./dom";
import { plural } from "./format";
import { createOutcome } from "./outcome";
import { createQueryCard } from "./queryCard";
import { createTrainGrid } from "./trainGrid";

function unmarked({ ranking, relabelled }: Readonly<View>): number[] {
  const rows = ranking?.flip?.found ? ranking.flip.rows : [];
  return rows.filter((row) => !relabelled.has(row));
}

function whyNotMark(view: Readonly<View>): string {
  if (view.busy) return "Wait for the running job";
  if (!view.ranking?.flip?.found) return "Find a flip set first";
  return unmarked(view).length === 0 ? "Every row of the set is marked" : "";
}

/** The step that most people take next stands out. */
function nextStep(view: Readonly<View>): "find" | "mark" | "verify" | "none" {
  if (!view.ranking?.flip) return "find";
  if (unmarked(view).length > 0) return "mark";
  return view.relabelled.size > 0 && view.shared.verification === null ? "verify" : "none";
}

function createButtons(scope: Scope, store: Store<View>, actions: Actions) {
  const find = button(scope, "Find flip set", "", actions.find);
  const whole = button(scope, "Mark whole flip set", "", () => actions.mark(unmarked(store.get()), true));
  const verify = button(scope, "Verify by retraining", "", actions.verify);
  const draw = () => {
    const view = store.get();
    const busy = view.busy ? "Wait for the running job" : "";
    find.update(busy || (view.testRow === null ? "Pick a test row first" : ""));
    whole.update(whyNotMark(view));
    verify.update(busy || (view.relabelled.size === 0 ? "Mark a training row first" : ""));
    const next = nextStep(view);
    setClass(find.node, "primary", next === "find");
    setClass(whole.node, "primary", next === "mark");
    setClass(verify.node, "primary", next === "verify");
  };
  scope.add(store.subscribe(draw));
  draw();
  return el("div", "buttons", {}, find.node, whole.node, verify.node);
}

/** What the two sides of the bars mean. */
function createLegend(scope: Scope, store: Store<View>) {
  const note = el("p", "muted legend");
  const draw = () => {
    const { ranking, shared } = store.get();
    note.hidden = ranking === null;
    const [left, right] = shared.classes;
    const marked = ranking?.rows.filter(({ inSet }) => inSet).length ?? 0;
    const set = marked > 0 ? ` ${plural(marked, "row")} in the flip set come first.` : "";
    setText(
      note,
      `Change of the log-odds if this one label were swapped, to first order: left towards “${left}”, right towards “${right}”; hatched bars work against a flip.${set}`,
    );
  };
  scope.add(store.subscribe(draw));
  draw();
  return note;
}

export function createRankPane(scope: Scope, store: Store<View>, actions: Actions): HTMLElement {
  const title = el("div", "pane-head", {}, el("h3", "heading", {}, "Influential training rows"));
  return el(
    "div",
    "pane ranks",
    {},
    createQueryCard(scope, store),
    createButtons(scope, store, actions),
    createOutcome(scope, store),
    title,
    createLegend(scope, store),
    createTrainGrid(scope, store, actions),
  );
}
