/** The queue as a mode: one label with its reasons and what can be decided about it, beside the list of all. */

import type { Decision, Suspect } from "../protocol";
import type { Session } from "../session";
import { frontOf, reasonKey, rowsOf, subjectsOf } from "../store";
import { setContent } from "./content";
import { actInSight, button, drawn, el, focused, seen, setClass, setText } from "./dom";
import { plural } from "./format";
import { decisionKeys, numberKeys, type Keys } from "./keys";
import { keepAs, relabelAs } from "./names";
import { createNote } from "./note";
import { createQueueList, decided } from "./queueList";

const NUMBERED = 9; // classes that have a key
const SCROLLING = { ArrowDown: 0.2, ArrowUp: -0.2, PageDown: 0.9, PageUp: -0.9 }; // a long text, by parts of what is in sight of it

/** What is about rows leads to them. */
function whyLine([about = "", what = "", how = "", search]: readonly string[]): HTMLElement {
  const head = search ? el("button", "leads", { type: "button", "data-search": search }, about) : el("span", "muted", about);
  return el("p", "why-line", { title: how }, head, el("bdi", "", what));
}

export interface QueueView {
  node: HTMLElement;
  /** What stands beside the panel's title. */
  head: HTMLElement;
  keys: Keys;
}

export function createQueue(session: Session): QueueView {
  const { store, actions, suspects } = session;
  const [place, facts, problem, empty] = [el("p", "muted"), el("p", "queue-facts"), el("p", "failed"), el("p", "empty")];
  const text = el("blockquote", "query suspect", { tabindex: 0, dir: "auto" });
  const list = createQueueList(session, () => text.focus({ preventScroll: true }));
  const why = el("div", "queue-why");
  const note = createNote(session, "Note on this row", (view) => rowsOf(subjectsOf(view)));
  const [relabel, keep] = [button("", "change-to", () => actions.judge("relabel")), button("", "", () => actions.judge("keep"))];
  const [unsure, skip] = [button("Unsure (S)", "", () => actions.judge("unsure")), button("Skip (J)", "quiet", () => actions.judge("skip"))];
  const { classes } = store.get().shared;
  const pick = (at: number) => {
    if (classes.length > 2 && classes[at] !== undefined) actions.judge("relabel", classes[at]);
  };
  const labels = classes.length < 3 ? [] : classes.map((name, i) => button(i < NUMBERED ? `${i + 1} ${name}` : name, "", () => pick(i)));
  const judge = (decision: Decision | "skip") => void (seen(body) && actions.judge(decision));
  const buttons = [relabel, keep, unsure, skip];
  const others = el("div", "buttons", { role: "group", "aria-label": "Relabel as another class" }, ...labels.map((one) => one.node));
  const acts = el("div", "queue-acts", problem, el("div", "buttons", ...buttons.map((one) => one.node), note), others);
  const body = el("div", "queue-body", place, facts, text, why, acts);
  const again = button("Look again", "", actions.again);
  const none = el("div", "", empty, again.node);
  const node = el("div", "queue", list.node, body, none);
  const far = el("span", "muted queue-far");

  let shown: Suspect | undefined;
  let reasons: unknown = ""; // what is drawn; undefined while it is awaited
  let before: unknown;
  actInSight(body, () => seen(body));
  function draw() {
    const view = store.get();
    const { queueError, judging, picked, shared } = view;
    const front = frontOf(view);
    setText(far, shared.checked + (view.outlook && ` · ${view.outlook}`));
    for (const one of [...buttons, ...labels]) one.update(judging ? "Saving…" : "");
    setClass(body, "judging", judging);
    setText(problem, queueError);
    body.hidden = front === undefined;
    none.hidden = front !== undefined;
    again.node.hidden = judging;
    setText(empty, queueError || (judging || suspects.total() === undefined ? "Ranking…" : "No suspects left. Clear search and filter, or go back (B)."));
    if (front === undefined || view.panel !== "queue") return;
    const many = picked.length > 0;
    setText(relabel.node, many ? `Relabel ${picked.length} as suggested (R)` : relabelAs(front.suggested));
    setText(keep.node, many ? `Keep ${picked.length} (K)` : keepAs(front.label));
    labels.forEach(({ node: one }, i) => setClass(one, "has", !many && classes[i] === front.label));
    const found = view.reasons.get(reasonKey(front));
    setText(place, many ? `${plural(picked.length, "label")} chosen` : front.title);
    const settled = rowsOf(view.judged.flat()).includes(front.row);
    setText(facts, many ? "" : `${settled ? `Decided: ${decided(view, front)}. ` : ""}${front.facts}`);
    if (many) setContent(text, { text: picked.map((one) => one.text).join("\n\n"), content: null });
    else setContent(text, view.looks.get(reasonKey(front)) ?? front, found?.words, false, found?.parts);
    why.hidden = many;
    if (reasons !== found) why.replaceChildren(...(found?.lines ?? [[found === null ? "No reasons." : "Looking for reasons…"]]).map(whyLine));
    reasons = found;
    if (shown !== front) {
      text.scrollTop = 0;
      if (before === "queue" && node.parentElement?.contains(focused(node))) seen(body);
    }
    [shown, before] = [front, view.panel];
  }
  suspects.subscribe(draw);
  drawn(store, draw);
  return {
    node,
    head: far,
    keys: {
      ...decisionKeys(judge),
      ...numberKeys((at) => seen(body) && pick(at)), // of several classes; the label that the row has is kept
      ...Object.fromEntries(Object.entries(SCROLLING).map(([key, pages]) => [key, () => text.scrollBy({ top: pages * text.clientHeight, behavior: "instant" })])),
      j: () => judge("skip"),
      b: actions.back,
      n: () => note.focus(),
      "/": list.search,
    },
  };
}
