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
  if (!view.ranking?.flip) return "find";
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

/** The meaning of the bars and marks. Its height is fixed: otherwise the rows below would jump. */
function createLegend(scope: Scope, { store }: Session) {
  const bars = el("p", "muted");
  const set = el("p", "muted one-line");
  const node = el("div", "legend", bars, set);
  const draw = () => {
    const { ranking, shared, explained } = store.get();
    node.hidden = ranking === null;
    const [left, right] = shared.classes;
    setText(bars, `First-order change of log-odds if relabelled: ← ${left} · ${right} →. Hatched bars oppose the flip.`);
    const size = ranking?.flip?.found ? ranking.flip.size : 0;
    const known = size > 1 && explained !== null;
    const more = known ? `, interaction ${signedPercent(explained.interaction)}` : "";
    setText(set, size > 0 ? `◆ In the flip set: ${plural(size, "row")}${more}.` : "◆ In the flip set, once it is found.");
    setAttribute(set, "title", known && "The joint effect of the rows beyond their own shares; all add up to the whole flip.");
  };
  drawn(scope, store, draw);
  return node;
}

export interface Pane {
  node: HTMLElement;
  focus(): void;
  /** For keys: if the rows they act on are out of sight, only scroll to them. */
  decide(decision: Decision): void;
  markSet(): void;
  note(): void;
}

/** A pane keeps its height while it loads, so that what is below does not jump. */
function keepHeight(scope: Scope, { store }: Session, node: HTMLElement): void {
  scope.add(
    store.subscribe(({ rankingState }) => {
      const loading = rankingState === "loading";
      const kept = node.style.minHeight !== "";
      if (loading !== kept) node.style.minHeight = loading ? `${node.offsetHeight}px` : "";
    }),
  );
}

export function createWhyPane(scope: Scope, session: Session): Pane {
  const { store, actions } = session;
  const id = uniqueId("why");
  const node = el("section", "pane why", { "aria-labelledby": id });
  keepHeight(scope, session, node); // before the parts learn that they are out of date
  const find = button(scope, "Find flip set", "", actions.find);
  const markSet = () => actions.decide(unmarked(store.get()), "relabel");
  const whole = button(scope, "Mark whole flip set", "", markSet);
  const draw = () => {
    const view = store.get();
    find.update(whyNotFind(view));
    whole.update(whyNotMark(view));
    const next = nextStep(view);
    setClass(find.node, "primary", next === "find");
    setClass(whole.node, "primary", next === "mark");
  };
  drawn(scope, store, draw);
  const grid = createTrainGrid(scope, session);
  const detail = createDetail(scope, session);
  const head = el("div", "pane-head", el("h3", "heading", { id }, "Why"), el("div", "buttons", find.node, whole.node));
  const found = createFlipNote(scope, store);
  const isSeen = () => seen(grid.line(), detail.node);
  actInSight(scope, detail.node, isSeen);
  node.append(head, createQueryCard(scope, session), found, createLegend(scope, session), grid.node, detail.node);
  return {
    node,
    focus: grid.focus,
    decide: (decision) => isSeen() && detail.decide(decision),
    markSet: () => seen(found) && markSet(),
    note: detail.note,
  };
}
