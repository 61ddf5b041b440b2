/** The list beside the label in front: all that can be checked, to look at or to choose many of. */

import type { QueueQuery, Suspect } from "../protocol";
import type { Session } from "../session";
import { frontOf, rowsOf, type View } from "../store";
import { setContent } from "./content";
import { choice, drawn, el, focused, listen, searchField, setAttribute, setClass, setText } from "./dom";
import { count } from "./format";
import { createName, quoted } from "./names";
import { createVirtual, type Line } from "./virtual";

const HEIGHT = 60;
const CUT = 300; // characters of a line

function createLine(): Line & { text: HTMLElement; show(one: Suspect | undefined, said: string): void } {
  const text = el("span", "clamp", { dir: "auto" });
  const [has, suggested] = [createName(), createName()];
  const score = el("span", "num");
  const arrow = el("span", "", { "aria-hidden": "true" }, "→");
  const node = el("div", "row suspect-row", { role: "row" }, el("div", "cell", { role: "gridcell" }, text, el("span", "labels muted", has.node, arrow, suggested.node, score)));
  return {
    node,
    target: node,
    text,
    show(one, said) {
      setContent(text, one && { ...one, text: one.text.slice(0, CUT) }, [], true);
      has.set(one?.label ?? "");
      suggested.set(one?.suggested ?? "");
      setText(score, one === undefined ? "" : said || one.score);
    },
  };
}

/** What was decided about one that is settled. */
export const decided = ({ relabelled }: Readonly<View>, one?: Suspect) => (one && relabelled.has(one.row) ? "changed" : "unchanged");

/** `onLook` is called when one of the list was taken to the front. */
export function createQueueList({ store, suspects, actions, atEnd }: Session, onLook: () => void) {
  const search = searchField("Search suspect labels", (words) => actions.sift({ search: words }));
  const { classes, orders } = store.get().shared;
  const sifting = (label: string, options: [words: string, change: Partial<QueueQuery>][], others?: Partial<QueueQuery>) =>
    choice(label, options.map(([words], i) => [i, words] as const), (value) => actions.sift({ ...others, ...options[Number(value)]?.[1] }));
  const order = sifting("Order", [["Repairs most first", { order: "repair" }], ["Most suspect first", { order: "suspicion" }]]);
  order.hidden = orders.length < 2;
  const filter = sifting("Filter suspect labels", [
    ["All labels", {}],
    ["Same text, other label", { contradicted: true }],
    ...classes.map((label): [string, Partial<QueueQuery>] => [`Labelled ${quoted(label)}`, { label }]),
    ...classes.map((suggested): [string, Partial<QueueQuery>] => [`Suggested ${quoted(suggested)}`, { suggested }]),
  ], { label: null, suggested: null, contradicted: false });
  const list = createVirtual(atEnd, {
    label: "Suspect labels",
    names: "suspect-scroll",
    heads: [],
    multi: true,
    pages: suspects,
    rowHeight: HEIGHT,
    spare: 8,
    create: createLine,
    update(line, index) {
      const [one, view] = [suspects.row(index), store.get()];
      const among = (many: readonly Suspect[]) => one !== undefined && rowsOf(many).includes(one.row);
      const chosen = among(view.picked);
      const settled = among(view.judged.flat());
      line.show(one, settled ? decided(view, one) : "");
      setAttribute(line.node, "aria-selected", String(chosen));
      setClass(line.node, "chosen", chosen);
      setClass(line.node, "picked", one !== undefined && frontOf(view)?.row === one.row);
      setClass(line.node, "settled", settled);
    },
    onRange: (first, last) => suspects.want(first, last + 20),
  });
  const { body } = list;
  const total = el("span", "muted");
  const node = el("div", "queue-list", el("div", "tools", search, filter), list.node, el("div", "pane-foot", total, order));

  function choose(from: number, to: number) {
    const { picked: before, judged } = store.get();
    const picked = [...before];
    const done = rowsOf(judged.flat());
    for (const one of list.between(from, to)) {
      if (done.includes(one.row)) continue;
      const place = rowsOf(picked).indexOf(one.row);
      if (place < 0) picked.push(one);
      else if (from === to) picked.splice(place, 1);
    }
    actions.mark(picked);
  }
  const look = () => {
    const one = suspects.row(list.active());
    if (one === undefined) return;
    actions.look(one);
    onLook();
  };
  let anchor = 0; // where a range begins
  listen(body, "click", (event) => {
    const index = list.indexOf(event.target);
    if (index === undefined) return;
    list.focus(index);
    if (event.shiftKey) return choose(anchor, index);
    anchor = index;
    if (event.ctrlKey || event.metaKey) choose(index, index);
    else look();
  });
  listen(body, "keydown", (event) => {
    const before = list.active();
    if (event.key === "Enter") look();
    else if (event.key === " ") choose(before, before);
    else {
      if (list.onKey(event) && event.shiftKey) choose(before, list.active());
      anchor = list.active();
      return;
    }
    event.preventDefault();
  });
  let shown: Suspect | undefined;
  let drawnFor: unknown[] = [];
  function draw() {
    const view = store.get();
    const [n, front] = [suspects.total(), frontOf(view)];
    setText(total, view.picked.length > 0 ? `${count(view.picked.length)} chosen` : n === undefined ? "" : `${count(n)} labels`);
    list.draw(n === 0 ? "No suspects match." : "");
    if (shown === front || body.contains(focused(body))) return;
    const at = list.find(front?.row);
    if (at === undefined) return;
    shown = front;
    list.activate(at);
    list.reveal(at);
  }
  suspects.subscribe(draw);
  drawn(store, (view) => {
    const now = [view.panel, view.picked, view.judged, frontOf(view)];
    if (now[0] !== "queue" || now.every((one, i) => one === drawnFor[i])) return;
    drawnFor = now;
    draw();
  });
  return { node, search: () => search.focus() };
}
