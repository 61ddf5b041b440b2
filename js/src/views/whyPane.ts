/** Middle pane: the chosen row and the training rows that decide it. */

import type { Session } from "../session";
import type { View } from "../store";
import { createDetail } from "./detail";
import { actInSight, button, choice, drawn, el, section, seen, setAttribute, setClass, setText, term } from "./dom";
import { decisionKeys, type Keys } from "./keys";
import { createFlipNote } from "./outcome";
import { createQueryCard } from "./queryCard";
import { createTrainGrid } from "./trainGrid";

/** The most likely next step is highlighted: labels are tried before anybody decides about them. */
export function nextStep(view: Readonly<View>): "find" | "try" | "step" | "verify" | "none" {
  const { ranking, target, onTrial, steps, relabelled, shared } = view;
  const unverified = shared.verification === null;
  if (onTrial.size > 0 && unverified) return "verify";
  if (!ranking?.flip || ranking.flip.target !== target) return "find";
  if (steps !== null) return "none";
  if (whyNotStep(view) === "") return onTrial.size > 0 ? "step" : "try";
  return relabelled.size > 0 && unverified ? "verify" : "none";
}

export const BUSY = "Wait for the running job";

/** Only a search for another row may replace a running one. */
export function whyNotFind({ busy, testRow, shared }: Readonly<View>): string {
  if (testRow === null) return "Pick a test row first";
  if (!busy) return "";
  if (shared.job?.kind === "find" && shared.job.row !== testRow) return "";
  return BUSY;
}

export function whyNotVerify({ busy, relabelled, onTrial }: Readonly<View>): string {
  if (busy) return BUSY;
  return relabelled.size + onTrial.size === 0 ? "Try or mark a training row first" : "";
}

const whyNotTry = ({ ranking }: Readonly<View>) => (ranking?.flip?.found ? "" : "Find a flip set first");

function whyNotStep(view: Readonly<View>): string {
  return whyNotTry(view) || (view.ranking?.flip?.open.length === 0 ? "Every row of the set is decided" : "");
}

/** The meaning of the marks. Its height is fixed: otherwise the rows below would jump. */
function createLegend({ store }: Session, begin: () => void) {
  const words = el("span", "");
  const step = button("Decide row by row", "small", begin);
  const node = el("div", "muted legend", el("span", "", "◆ ", term("Flip set"), ", ", term("shares"), words), step.node);
  drawn(store, (view) => {
    const { ranking, steps } = view;
    node.hidden = ranking === null;
    const size = ranking?.flip?.found ? ranking.flip.size : 0;
    const left = steps?.length ?? (size > 0 && whyNotStep(view) ? 0 : null);
    setText(words, left === null ? "" : `: ${left} of ${size} to decide`);
    step.update(whyNotStep(view));
    step.node.hidden = size === 0;
    setAttribute(step.node, "aria-pressed", String(steps !== null));
    const next = nextStep(view) === "step";
    setClass(step.node, "primary", next);
    setClass(step.node, "quiet", !next);
  });
  return node;
}

/** Which of several classes a flip set is to lead to. */
function createTarget({ store, actions }: Session): HTMLElement {
  const select = choice("Flip to", [["", "any other class"]], () => actions.aim(store.get().shared.classes[select.selectedIndex - 1] ?? null), "input target");
  drawn(store, ({ shared, target, ranking }) => {
    const { classes } = shared;
    select.hidden = classes.length < 3;
    if (select.length === 1) select.append(...classes.map((name) => el("option", "", name)));
    classes.forEach((name, i) => setAttribute(select.options[i + 1] as HTMLOptionElement, "disabled", name === ranking?.predicted));
    select.selectedIndex = target === null ? 0 : classes.indexOf(target) + 1;
  });
  return select;
}

export interface Pane {
  node: HTMLElement;
  focus(): void;
  /** If the rows they act on are out of sight, they only scroll to them. */
  keys: Keys;
}

export function createWhyPane(session: Session): Pane {
  const { store, actions } = session;
  const find = button("Find flip set", "", actions.find);
  const target = createTarget(session);
  const trySet = button("Try this set", "", () => {
    const flip = store.get().ranking?.flip;
    grid.top();
    actions.tryLabels(new Map(flip?.rows.map((row, i) => [row, flip.labels[i] ?? null])));
  });
  const grid = createTrainGrid(session);
  const detail = createDetail(session, ({ testRow }) => testRow !== null);
  const title = el("h3", "heading", "Why");
  const head = el("div", "pane-head", title, target, el("div", "buttons", find.node, trySet.node));
  const found = createFlipNote(store);
  const isSeen = () => seen(grid.line(), detail.node);
  actInSight(detail.node, isSeen);
  const step = () => {
    actions.step();
    isSeen();
  };
  const rows = el("div", "pane rows", head, createQueryCard(session), found, createLegend(session, step), grid.node);
  const node = section("why", title, rows, detail.node);
  drawn(store, (view) => {
    find.update(whyNotFind(view));
    trySet.update(whyNotTry(view));
    const next = nextStep(view);
    setClass(find.node, "primary", next === "find");
    setClass(trySet.node, "primary", next === "try");
    setClass(node, "stepping", view.steps !== null);
  });
  /** Where another pane hides this one, the first key only shows it. */
  const shown = () => {
    if (grid.node.checkVisibility()) return true;
    actions.show("why");
    return false;
  };
  return {
    node,
    focus: grid.focus,
    keys: {
      ...decisionKeys((decision) => shown() && isSeen() && detail.decide(decision)),
      f: () => find.node.click(),
      a: () => shown() && seen(found) && trySet.node.click(),
      t: () => shown() && isSeen() && detail.toggle(),
      d: () => shown() && whyNotStep(store.get()) === "" && step(),
      n() {
        actions.show("why");
        detail.note();
      },
    },
  };
}
