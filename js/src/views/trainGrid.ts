/** The ranked training rows. Lines are kept by row number and updated in place, so that the focus stays. */

import type { Actions } from "../session";
import type { Store, View } from "../store";
import { el, setAttribute, setClass, setText, type Scope } from "./dom";
import { moved } from "./keys";
import { createTrainLine, type TrainLine } from "./trainRow";

const HEADINGS = ["Rank", "Mark", "Training row", "Label", "Influence"];
const PAGE = 8; // lines a PageDown goes: they differ in height

export function createTrainGrid(scope: Scope, store: Store<View>, actions: Actions): HTMLElement {
  const lines = new Map<number, TrainLine>();
  const headings = HEADINGS.map((words) => el("div", "cell", { role: "columnheader" }, words));
  const body = el("div", "scroll train-scroll", { role: "rowgroup" });
  const head = el("div", "row head train-head", { role: "row", "aria-rowindex": 1 }, ...headings);
  const grid = el(
    "div",
    "grid train-grid",
    { role: "grid", "aria-label": "Influential training rows", "aria-colcount": HEADINGS.length },
    el("div", "heads", { role: "rowgroup" }, head),
    body,
  );
  const empty = el("p", "empty");
  const node = el("div", "grid-box", {}, grid, empty);
  let active: number | undefined; // the training row that has the tab stop
  let opened: number | undefined; // the one whose text is shown in full
  let shownFor: number | null = null;

  function order(): number[] {
    return (store.get().ranking?.rows ?? []).map(({ row }) => row);
  }

  /** Moves only lines that are out of place: moving a node takes the focus from it, and `draw` has to give it back. */
  function place(numbers: readonly number[]) {
    numbers.forEach((number, i) => {
      const line = lines.get(number) ?? createTrainLine(number);
      lines.set(number, line);
      if (body.children[i] !== line.node) body.insertBefore(line.node, body.children[i] ?? null);
    });
    for (const [number, line] of lines) {
      if (numbers.includes(number)) continue;
      line.node.remove();
      lines.delete(number);
    }
  }

  function rove() {
    for (const [number, line] of lines) {
      setAttribute(line.box, "tabindex", number === active ? 0 : -1);
      setClass(line.node, "opened", number === opened);
    }
  }

  function fill(view: Readonly<View>) {
    const rows = view.ranking?.rows ?? [];
    const largest = Math.max(0, ...rows.map(({ influence }) => Math.abs(influence)));
    const sign = view.ranking?.summary.predicted === view.shared.classes[1] ? -1 : 1;
    rows.forEach((row, i) => {
      const line = lines.get(row.row);
      line?.update(row, view.relabelled.has(row.row), largest, row.influence * sign > 0);
      if (line !== undefined) setAttribute(line.node, "aria-rowindex", i + 2);
    });
  }

  function draw() {
    const view = store.get();
    const hadFocus = body.contains(document.activeElement);
    const numbers = order();
    place(numbers);
    fill(view);
    const row = view.ranking?.summary.row ?? null;
    if (row !== shownFor) body.scrollTop = 0;
    if (active === undefined || row !== shownFor || !lines.has(active)) active = opened = numbers[0];
    shownFor = row;
    rove();
    if (hadFocus && !body.contains(document.activeElement) && active !== undefined) lines.get(active)?.box.focus();
    body.hidden = numbers.length === 0;
    setClass(grid, "bare", numbers.length === 0);
    setAttribute(grid, "aria-rowcount", numbers.length + 1);
    setAttribute(grid, "aria-busy", String(view.rankingState === "loading"));
    empty.hidden = numbers.length > 0;
    setText(empty, view.rankingState === "loading" ? "Ranking the training rows…" : "The ranking appears here once a test row is picked.");
  }

  function focus(number: number | undefined) {
    const line = number === undefined ? undefined : lines.get(number);
    if (line === undefined) return;
    active = opened = number;
    rove();
    line.box.focus({ preventScroll: true });
    line.node.scrollIntoView({ block: "nearest" });
  }

  const numberOf = (target: EventTarget | null) => {
    const line = target instanceof Element ? target.closest<HTMLElement>(".rlw-train-row") : null;
    return line === null ? undefined : Number(line.dataset["row"]);
  };

  scope.listen(body, "change", (event) => {
    const number = numberOf(event.target);
    if (number !== undefined && event.target instanceof HTMLInputElement) actions.mark([number], event.target.checked);
  });
  scope.listen(body, "click", (event) => focus(numberOf(event.target)));
  // Nothing opens or closes here: lines that move between the press and the release of a mouse button lose the click.
  scope.listen(body, "focusin", (event) => {
    active = numberOf(event.target) ?? active;
    rove();
  });
  scope.listen(body, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      return event.target.click();
    }
    const numbers = order();
    const to = moved(event.key, active === undefined ? 0 : numbers.indexOf(active), numbers.length, PAGE);
    if (to === undefined) return;
    event.preventDefault();
    focus(numbers[to]);
  });
  scope.add(store.subscribe(draw));
  draw();
  return node;
}
