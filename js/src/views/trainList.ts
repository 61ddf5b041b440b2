/** A list of training rows, of any length: what it draws, and what it does with clicks and keys. */

import type { TrainRow } from "../protocol";
import type { Session } from "../session";
import { actInSight, focused, listen, seen } from "./dom";
import { createTrainLine, TRAIN_HEIGHT, type TrainLine } from "./trainRow";
import { createVirtual, type Virtual } from "./virtual";

export interface TrainList {
  list: Virtual<TrainRow, TrainLine>;
  /** A row that an answer moved keeps the focus: the user was at the row, not at the position. */
  follow(scroll?: boolean): void;
  /** To a position; the row there becomes the active one, once it is known. */
  place(index: number): void;
  focus(): void;
  /** The line that keys act on. */
  line(): HTMLElement;
}

export function createTrainList(
  { store, actions, atEnd }: Session,
  rows: Session["bars"] | Session["lines"],
  label: string,
  ...heads: HTMLElement[]
): TrainList {
  let awaited = false; // the line with the tab stop is still loading

  const list: Virtual<TrainRow, TrainLine> = createVirtual(atEnd, {
    label,
    names: "train-scroll",
    heads,
    multi: true,
    pages: rows,
    rowHeight: TRAIN_HEIGHT,
    spare: 16,
    create: createTrainLine,
    update(line, index) {
      const row = rows.row(index);
      const { ranking, relabelled, onTrial, selection, active, explained, shared } = store.get();
      const sign = shared.classes.length > 2 || ranking?.predicted === shared.classes[1] ? -1 : 1;
      line.update(row, {
        marked: row !== undefined && relabelled.has(row.row),
        tried: row && onTrial.get(row.row),
        chosen: row !== undefined && selection.has(row.row),
        active: row !== undefined && row.row === active,
        largest: ranking?.largest ?? 0,
        towards: row !== undefined && row.influence * sign > 0,
        classes: shared.classes,
        verified: explained !== null,
        verifiedShare: explained?.shares.find((one) => one.row === row?.row)?.words,
      });
    },
    onRange(first, last) {
      if (node.checkVisibility()) rows.want(first - 20, last + 20);
    },
    onActive(index) {
      const row = rows.row(index);
      awaited = row === undefined;
      if (row !== undefined) actions.activate(row.row);
    },
  });
  const { body, node, empty } = list;

  const extend = (from: number, to: number) => actions.choose(new Set([...store.get().selection, ...list.between(from, to).map(({ row }) => row)]));

  /** The first row that is added takes the one with the focus along, as in lists of files. */
  function toggle(before: number, index: number) {
    const selection = new Set(store.get().selection);
    const added = (selection.size === 0 ? [before, index] : [index]).map((i) => rows.row(i)?.row);
    for (const row of new Set(added)) if (row !== undefined && !selection.delete(row)) selection.add(row);
    actions.choose(selection);
  }

  listen(body, "change", (event) => {
    const index = list.indexOf(event.target);
    const row = index === undefined ? undefined : rows.row(index);
    if (row === undefined) return;
    if (event.target instanceof HTMLSelectElement) {
      const label = event.target.value;
      return label === row.original ? actions.decide([row.row], "clear") : actions.decide([row.row], "relabel", [label]);
    }
    if (event.target instanceof HTMLInputElement) actions.decide([row.row], event.target.checked ? "relabel" : "clear");
  });
  listen(body, "click", (event) => {
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
  actInSight(body, () => seen(line()));
  listen(body, "keydown", (event) => {
    if (event.defaultPrevented || event.target instanceof HTMLSelectElement) return;
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      return event.target.click();
    }
    const before = list.active();
    if (list.onKey(event) && event.shiftKey) extend(before, list.active());
  });

  return {
    list,
    follow(scroll = false) {
      const hadFocus = body.contains(focused(body));
      const { active } = store.get();
      const there = rows.row(list.active())?.row;
      if (awaited && there !== undefined) {
        awaited = false; // before it is drawn, which comes here again
        return actions.activate(there);
      }
      if (awaited || active === null || there === active) return;
      const i = list.find(active);
      if (i === undefined) return;
      if (hadFocus) list.focus(i);
      else list.activate(i);
      if (scroll) list.reveal(i);
    },
    place(index) {
      list.activate(index);
      list.reveal(index);
      awaited = true;
      rows.want(...list.range());
    },
    focus: () => (empty.hidden ? list.focus(list.active()) : empty.focus()),
    line,
  };
}
