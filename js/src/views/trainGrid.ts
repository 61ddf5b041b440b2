/** The list of ranked training rows, of any length. */

import type { Session } from "../session";
import { actInSight, drawn, el, focused, seen, setAttribute, setClass, setText, type Scope } from "./dom";
import { createName } from "./names";
import { createTrainLine, TRAIN_HEIGHT } from "./trainRow";
import { createVirtual } from "./virtual";

const HEADINGS: [heading: string, title: string][] = [["#", "Rank"], ["Mark", ""], ["Training row", ""], ["Label", ""]];
const MEANING = "First-order change of the log-odds if the label is changed. Hatched bars oppose the flip.";

export interface TrainGrid {
  node: HTMLElement;
  focus(): void;
  /** To the first lines, where the flip set is. */
  top(): void;
  /** The line that keys act on. */
  line(): HTMLElement;
}

export function createTrainGrid(scope: Scope, { store, bars, actions }: Session): TrainGrid {
  const headings = HEADINGS.map(([words, title]) => el("div", "cell", { role: "columnheader", title }, words));
  const ends = [createName(), createName()] as const;
  headings.push(el("div", "cell ends", { role: "columnheader", title: MEANING, "aria-label": "Influence" }, "←", ends[0].node, "·", ends[1].node, "→"));
  const head = el("div", "row head train-head", { role: "row", "aria-rowindex": 1 }, ...headings);
  const empty = el("p", "empty");
  let shownFor: number | null = null;
  let awaited = false; // the line with the tab stop is still loading
  let shownActive: number | null = null;

  const list = createVirtual(scope, {
    names: "train-scroll",
    rowHeight: TRAIN_HEIGHT,
    spare: 16,
    instead: empty,
    total: () => bars.total() ?? 0,
    create: createTrainLine,
    update(line, index) {
      const row = bars.row(index);
      const { ranking, relabelled, onTrial, selection, active, explained, shared } = store.get();
      const sign = shared.classes.length > 2 || ranking?.summary.predicted === shared.classes[1] ? -1 : 1;
      line.update(row, {
        marked: row !== undefined && relabelled.has(row.row),
        tried: row && onTrial.get(row.row),
        chosen: row !== undefined && selection.has(row.row),
        active: row !== undefined && row.row === active,
        largest: ranking?.largest ?? 0,
        towards: row !== undefined && row.influence * sign > 0,
        classes: shared.classes,
        verified: explained !== null,
        verifiedShare: explained?.shares.find((one) => one.row === row?.row)?.share,
      });
    },
    onRange: (first, last) => bars.want(first - 20, last + 20),
    onActive(index) {
      const row = bars.row(index);
      awaited = row === undefined;
      if (row !== undefined) actions.activate(row.row);
    },
  });
  const { body } = list;
  const attributes = { role: "grid", "aria-label": "Influential training rows", "aria-colcount": headings.length, "aria-multiselectable": "true" };
  const grid = el("div", "grid train-grid", attributes, el("div", "heads", { role: "rowgroup" }, head), body);
  const node = el("div", "grid-box", grid, empty);

  /** A row that an answer moved keeps the focus: the user was at the row, not at the position. */
  function follow(scroll = false) {
    const hadFocus = body.contains(focused(body));
    const { active } = store.get();
    const before = list.active();
    const there = bars.row(before)?.row;
    if (awaited && there !== undefined) {
      awaited = false;
      return actions.activate(there);
    }
    if (awaited || active === null || there === active) return;
    for (let i = 0; i < Math.min(bars.total() ?? 0, 500); i += 1) {
      if (bars.row(i)?.row !== active) continue;
      if (hadFocus) list.focus(i);
      else list.activate(i);
      if (scroll) list.reveal(i);
      return;
    }
  }

  function draw() {
    const { testRow, rankingState, ranking, target, shared, active } = store.get();
    const summary = ranking?.summary;
    const several = shared.classes.length > 2;
    ends[0].set(several ? (target ?? summary?.rival ?? "") : shared.classes[0]);
    ends[1].set(several ? (summary?.predicted ?? "") : shared.classes[1]);
    headings[4]?.classList.toggle("rlw-off", several && summary === undefined);
    if (testRow !== shownFor) {
      shownFor = testRow;
      list.reset();
    }
    const total = bars.total() ?? 0;
    setClass(grid, "bare", total === 0);
    setAttribute(grid, "aria-rowcount", total + 1);
    setAttribute(grid, "aria-busy", String(rankingState === "loading"));
    setText(empty, rankingState === "loading" ? "Ranking…" : "Pick a test row to rank them.");
    list.draw();
    if (active === shownActive) return;
    shownActive = active;
    follow(true);
  }

  function extend(from: number, to: number) {
    const selection = new Set(store.get().selection);
    for (let i = Math.min(from, to); i <= Math.max(from, to); i += 1) {
      const row = bars.row(i);
      if (row !== undefined) selection.add(row.row);
    }
    actions.choose(selection);
  }

  /** The first row that is added takes the one with the focus along, as in lists of files. */
  function toggle(before: number, index: number) {
    const selection = new Set(store.get().selection);
    const rows = (selection.size === 0 ? [before, index] : [index]).map((i) => bars.row(i)?.row);
    for (const row of new Set(rows)) if (row !== undefined && !selection.delete(row)) selection.add(row);
    actions.choose(selection);
  }

  scope.listen(body, "change", (event) => {
    const index = list.indexOf(event.target);
    const row = index === undefined ? undefined : bars.row(index);
    if (row === undefined) return;
    if (event.target instanceof HTMLSelectElement) {
      const label = event.target.value;
      return label === row.original ? actions.decide([row.row], "clear") : actions.decide([row.row], "relabel", [label]);
    }
    if (event.target instanceof HTMLInputElement) actions.decide([row.row], event.target.checked ? "relabel" : "clear");
  });
  scope.listen(body, "click", (event) => {
    const index = list.indexOf(event.target);
    // Redrawing between a checkbox's click and change events would undo the click.
    if (index === undefined || (event.target instanceof Element && event.target.matches("input, select"))) return;
    const before = list.active();
    list.focus(index);
    if (event.shiftKey) extend(before, index);
    else if (event.ctrlKey || event.metaKey) toggle(before, index);
    else if (store.get().selection.size > 0) actions.choose(new Set());
  });
  const line = () => list.lines.get(list.active())?.node ?? node;
  actInSight(scope, body, () => seen(line()));
  scope.listen(body, "keydown", (event) => {
    if (event.defaultPrevented || event.target instanceof HTMLSelectElement) return;
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      return event.target.click();
    }
    const before = list.active();
    if (list.onKey(event) && event.shiftKey) extend(before, list.active());
  });
  scope.add(
    bars.subscribe(() => {
      draw();
      follow();
    }),
  );
  drawn(scope, store, draw);
  return { node, focus: () => list.focus(list.active()), top: () => list.reveal(0), line };
}
