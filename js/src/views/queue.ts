/** The queue as a mode: one label with its reasons and what can be decided about it, beside the list of all. */

import type { Decision, Reasons, Suspect } from "../protocol";
import type { Session } from "../session";
import { frontOf, reasonKey, rowsOf, subjectsOf, type View } from "../store";
import { actInSight, button, drawn, el, focused, seen, setClass, setText, type Scope } from "./dom";
import { count, percent, plural } from "./format";
import { setMarked } from "./marks";
import { keepAs, quoted, relabelAs } from "./names";
import { createNote } from "./note";
import { createQueueList } from "./queueList";

const FAINT = 0.2; // of the largest part: less is not worth a mark
const NUMBERED = 9; // classes that have a key
const BY = "What each adds to the log-odds, by the model retrained without this row";

/** What was checked, and what is likely left. */
function progress({ shared, relabelled, outlook }: Readonly<View>): string {
  const checked = Math.max(shared.checked, relabelled.size);
  const far = checked === 0 ? "None checked yet" : `${count(checked)} checked, ${count(relabelled.size)} wrong (${percent(relabelled.size / checked)})`;
  if (outlook === null) return far;
  const [left, low, high] = [outlook.left, outlook.low, outlook.high].map((value) => count(Math.round(value)));
  return `${far} · about ${left} wrong left (likely ${low} to ${high})`;
}

/** What features say for and against the label, rows that are alike, and what correcting it does. */
function createWhy() {
  const node = el("div", "queue-why");
  const line = (head: string, tail: string, title = tail) => el("p", "why-line", { title }, el("span", "muted", head), el("bdi", "", tail));
  const words = (parts: Reasons["parts"]) => parts.map(({ word, part }) => `${word} ${Math.abs(part).toFixed(2)}`).join(", ") || "nothing";
  return {
    node,
    show(one: Suspect, found: Reasons | null | undefined) {
      if (!found) return node.replaceChildren(el("p", "muted", found === null ? "No reasons could be worked out." : "Looking for reasons…"));
      const { parts, near, repaired, made, loss } = found;
      const lines = [
        line(`Speaks for ${quoted(one.suggested)}: `, words(parts.filter(({ part }) => part < 0)), BY),
        line(`Speaks for ${quoted(one.label)}: `, words(parts.filter(({ part }) => part > 0)), BY),
        ...near.map(({ label, similarity, text }) => line(`Alike (${similarity.toFixed(2)}), labelled ${quoted(label)}: `, text)),
      ];
      if (loss !== null) {
        const falls = loss <= 0 ? "falls" : "rises";
        lines.push(line("Corrected alone and retrained: ", `${plural(repaired ?? 0, "test error")} repaired, ${made ?? 0} made; log-loss ${falls} by ${Math.abs(loss).toFixed(5)}`));
      }
      node.replaceChildren(...lines);
    },
  };
}

export interface QueueView {
  node: HTMLElement;
  /** What stands beside the panel's title. */
  head: HTMLElement;
  decide(decision: Decision | "skip"): void;
  /** Of several classes, by its place. The label that the row has is kept. */
  pick(place: number): void;
  /** A long text, by parts of what is in sight of it. */
  scroll(pages: number): void;
  note(): void;
  search(): void;
}

export function createQueue(scope: Scope, session: Session): QueueView {
  const { store, actions, suspects } = session;
  const [place, facts, problem, empty] = [el("p", "muted"), el("p", "queue-facts"), el("p", "failed"), el("p", "empty")];
  const text = el("blockquote", "query suspect", { tabindex: 0, dir: "auto" });
  const list = createQueueList(scope, session, () => text.focus({ preventScroll: true }));
  const why = createWhy();
  const note = createNote(scope, session, "Note on this row", (view) => rowsOf(subjectsOf(view)));
  const [relabel, keep] = [button(scope, "", "change-to", () => actions.judge("relabel")), button(scope, "", "", () => actions.judge("keep"))];
  const [unsure, skip] = [button(scope, "Unsure (S)", "", () => actions.judge("unsure")), button(scope, "Skip (J)", "quiet", () => actions.judge("skip"))];
  const pick = (at: number) => {
    const { classes } = store.get().shared;
    if (classes.length > 2 && classes[at] !== undefined) actions.judge("relabel", classes[at]);
  };
  const { classes } = store.get().shared;
  const labels = classes.length < 3 ? [] : classes.map((name, i) => button(scope, i < NUMBERED ? `${i + 1} ${name}` : name, "", () => pick(i)));
  const buttons = [relabel, keep, unsure, skip];
  const others = el("div", "buttons", { role: "group", "aria-label": "Relabel as another class" }, ...labels.map((one) => one.node));
  const acts = el("div", "queue-acts", problem, el("div", "buttons", ...buttons.map((one) => one.node), note), others);
  const body = el("div", "queue-body", place, facts, text, why.node, acts);
  const again = button(scope, "Look again", "", actions.again);
  const none = el("div", "", empty, again.node);
  const node = el("div", "queue", list.node, body, none);
  const far = el("span", "muted queue-far");
  others.hidden = labels.length === 0;

  let shown: Suspect | undefined;
  let reasons: unknown;
  let before: unknown;
  actInSight(scope, body, () => seen(body));
  function draw() {
    const view = store.get();
    const [front, { queueError, judging, picked, shared }] = [frontOf(view), view];
    setText(far, progress(view));
    for (const one of [...buttons, ...labels]) one.update(judging ? "Wait until the decision is saved" : "");
    setClass(body, "judging", judging);
    setText(problem, queueError);
    problem.hidden = queueError === "";
    body.hidden = front === undefined;
    none.hidden = front !== undefined;
    again.node.hidden = judging;
    setText(empty, queueError || (judging || suspects.total() === undefined ? "Ranking…" : "No suspects left. B goes back to the last one."));
    if (front === undefined || view.panel !== "queue") return;
    const many = picked.length > 0;
    setText(relabel.node, many ? `Relabel ${picked.length} as suggested (R)` : relabelAs(front.suggested));
    setText(keep.node, many ? `Keep ${picked.length} (K)` : keepAs(front.label));
    labels.forEach(({ node: one }, i) => setClass(one, "has", !many && shared.classes[i] === front.label));
    const found = view.reasons.get(reasonKey(front));
    const spoken = found?.parts.filter(({ part }) => part < 0) ?? [];
    setText(place, many ? `${plural(picked.length, "label")} chosen` : `Training row ${front.row}${front.id === String(front.row) ? "" : ` · ${front.id}`}`);
    setText(facts, many ? "" : `Labelled ${quoted(front.label)}, wrong with a probability of ${percent(front.score)}. Suggested: ${quoted(front.suggested)}.`);
    setMarked(text, many ? picked.map((one) => one.text).join("\n\n") : front.text, many ? [] : spoken.filter(({ part }) => part < FAINT * (spoken[0]?.part ?? 0)).map(({ word }) => word));
    why.node.hidden = many;
    if (shown !== front || reasons !== found) why.show(front, found);
    reasons = found;
    if (shown !== front && before === "queue" && node.parentElement?.contains(focused(node))) seen(body);
    if (shown !== front) text.scrollTop = 0;
    [shown, before] = [front, view.panel];
  }
  scope.add(suspects.subscribe(draw));
  drawn(scope, store, draw);
  return {
    node,
    head: far,
    decide: (decision) => void (seen(body) && actions.judge(decision)),
    pick: (at) => seen(body) && pick(at),
    scroll: (pages) => text.scrollBy({ top: pages * text.clientHeight, behavior: "instant" }),
    note: () => note.focus(),
    search: list.search,
  };
}
