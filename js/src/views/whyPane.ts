/** Middle pane: the chosen row and the training rows that decide it. */

import type { Decision } from "../protocol";
import type { Session } from "../session";
import type { View } from "../store";
import { createDetail } from "./detail";
import { actInSight, button, drawn, el, seen, setAttribute, setClass, setText, uniqueId, type Scope } from "./dom";
import { plural, signedPercent } from "./format";
import { createFlipNote } from "./outcome";
import { createQueryCard } from "./queryCard";
import { createTrainGrid } from "./trainGrid";

/** Rows of the flip set that are not marked. */
export function unmarked({ ranking, relabelled }: Readonly<View>): number[] {
  const rows = ranking?.flip?.found ? ranking.flip.rows : [];
  return rows.filter((row) => !relabelled.has(row));
}

/** The most likely next step is highlighted. */
export function nextStep(view: Readonly<View>): "find" | "mark" | "verify" | "none" {
  if (!view.ranking?.flip || view.ranking.flip.target !== view.target) return "find";
  if (unmarked(view).length > 0) return "mark";
  return view.relabelled.size > 0 && view.shared.verification === null ? "verify" : "none";
}

/** Only a search for another row may replace a running one. */
export function whyNotFind({ busy, testRow, shared }: Readonly<View>): string {
  if (testRow === null) return "Pick a test row first";
  if (!busy) return "";
  if (shared.job?.kind === "find" && shared.job.row !== testRow) return "";
  return "Wait for the running job";
}

function whyNotMark(view: Readonly<View>): string {
  if (!view.ranking?.flip?.found) return "Find a flip set first";
  return unmarked(view).length === 0 ? "Every row of the set is already marked" : "";
}

/** The meaning of the marks. Its height is fixed: otherwise the rows below would jump. */
function createLegend(scope: Scope, { store }: Session) {
  const node = el("p", "muted legend");
  const draw = () => {
    const { ranking, explained } = store.get();
    node.hidden = ranking === null;
    const size = ranking?.flip?.found ? ranking.flip.size : 0;
    const known = size > 1 && explained !== null;
    const more = known ? `, interaction ${signedPercent(explained.interaction)}` : "";
    setText(node, size > 0 ? `◆ In the flip set: ${plural(size, "row")}${more}.` : "◆ In the flip set, once it is found.");
    setAttribute(node, "title", known && "The shares of the rows and what they do only together (the interaction) add up to the whole flip.");
  };
  drawn(scope, store, draw);
  return node;
}

/** Which of several classes a flip set is to lead to. */
function createTarget(scope: Scope, { store, actions }: Session): HTMLElement {
  const select = el("select", "input target", { "aria-label": "Flip to" }, el("option", "", { value: "" }, "any other class"));
  scope.listen(select, "change", () => actions.aim(store.get().shared.classes[select.selectedIndex - 1] ?? null));
  drawn(scope, store, () => {
    const { shared, target, ranking } = store.get();
    const { classes } = shared;
    select.hidden = classes.length < 3;
    if (select.length === 1) select.append(...classes.map((name) => el("option", "", name)));
    classes.forEach((name, i) => setAttribute(select.options[i + 1] as HTMLOptionElement, "disabled", name === ranking?.summary.predicted));
    select.selectedIndex = target === null ? 0 : classes.indexOf(target) + 1;
  });
  return select;
}

export interface Pane {
  node: HTMLElement;
  focus(): void;
  /** For keys: if the rows they act on are out of sight, only scroll to them. */
  decide(decision: Decision): void;
  markSet(): void;
  note(): void;
}

export function createWhyPane(scope: Scope, session: Session): Pane {
  const { store, actions } = session;
  const id = uniqueId("why");
  const find = button(scope, "Find flip set", "", actions.find);
  const target = createTarget(scope, session);
  const markSet = () => {
    const view = store.get();
    const flip = view.ranking?.flip;
    grid.top();
    if (flip?.found && view.shared.classes.length > 2) actions.decide(flip.rows, "relabel", flip.labels);
    else actions.decide(unmarked(view), "relabel");
  };
  const whole = button(scope, "Mark whole flip set", "", markSet);
  const draw = () => {
    const view = store.get();
    find.update(whyNotFind(view));
    whole.update(whyNotMark(view));
    const next = nextStep(view);
    setClass(find.node, "primary", next === "find");
  };
  drawn(scope, store, draw);
  const grid = createTrainGrid(scope, session);
  const detail = createDetail(scope, session, ({ testRow }) => testRow !== null);
  const head = el("div", "pane-head", el("h3", "heading", { id }, "Why"), target, el("div", "buttons", find.node, whole.node));
  const found = createFlipNote(scope, store);
  const isSeen = () => seen(grid.line(), detail.node);
  actInSight(scope, detail.node, isSeen);
  const rows = el("div", "pane rows", head, createQueryCard(scope, session), found, createLegend(scope, session), grid.node);
  const node = el("section", "why", { "aria-labelledby": id }, rows, detail.node);
  /** Where another pane hides this one, the first key only shows it. */
  const shown = () => {
    if (grid.node.checkVisibility()) return true;
    actions.show("why");
    return false;
  };
  return {
    node,
    focus: grid.focus,
    decide: (decision) => shown() && isSeen() && detail.decide(decision),
    markSet: () => shown() && seen(found) && markSet(),
    note: detail.note,
  };
}
