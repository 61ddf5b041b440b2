/** The panels above the panes: suspects one at a time, the history, and the keys. */

import type { Decision, HistoryLine } from "../protocol";
import type { Session } from "../session";
import { TITLES, type Panel } from "../store";
import { setContent } from "./content";
import { actInSight, button, drawn, el, focused, seen, setClass, setText, uniqueId, type Scope } from "./dom";
import { count, percent } from "./format";
import { KEYS } from "./keys";
import { changeTo, quoted } from "./names";
import { createNote } from "./note";
import { createAllRows } from "./allRows";

const NUMBERED = 9; // classes that have a key

function historyLine({ time, who, what, note, state, row, text }: HistoryLine): HTMLElement {
  const when = el("time", "muted", { datetime: time }, new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));
  const tail = [who === "" ? "" : who, state === "undone" ? "undone" : ""].filter(Boolean).join(" · ");
  const words = row === null ? el("span", "history-what", what) : el("button", "history-what leads", { type: "button", "data-row": row }, what);
  const said = el("span", "", words);
  if (note !== "") said.append(el("q", "history-note", { dir: "auto" }, note));
  return el("li", `history-line ${state}`, when, said, el("span", "muted", tail), el("span", "muted history-text", { dir: "auto" }, text));
}

function createHistory(scope: Scope, { store, actions }: Session, onLead: () => void) {
  const list = el("ol", "history-list", { tabindex: 0, "aria-label": "Decisions, newest first" });
  const empty = el("p", "empty", "No decisions yet.");
  let shown: unknown;
  const draw = () => {
    const { history } = store.get();
    empty.hidden = history === null || history.total > 0;
    list.hidden = !empty.hidden;
    if (history === shown || history === null) return;
    shown = history;
    const more = history.total - history.lines.length;
    list.replaceChildren(...history.lines.map(historyLine), ...(more > 0 ? [el("li", "muted", `and ${count(more)} older ones`)] : []));
  };
  drawn(scope, store, draw);
  scope.listen(list, "click", ({ target }) => {
    const line = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
    if (line === null) return;
    actions.lead(Number(line.dataset["row"]));
    onLead();
  });
  return { node: el("div", "", list, empty) };
}

function createQueue(scope: Scope, session: Session) {
  const { store, actions } = session;
  const text = el("blockquote", "query suspect", { tabindex: 0, dir: "auto" });
  const facts = el("p", "");
  const place = el("p", "muted");
  const empty = el("p", "empty");
  const again = button(scope, "Look for more", "", () => actions.open("queue"));
  const problem = el("p", "failed");
  const note = createNote(scope, session, "Note on this row", ({ queue, queueAt }) => (queue?.[queueAt] ? [queue[queueAt].row] : []));
  const decide = (decision: Decision | "skip") => actions.judge(decision);
  const change = button(scope, "Relabel (R)", "change-to", () => decide("relabel"));
  const buttons = [
    change,
    button(scope, "Keep (K)", "", () => decide("keep")),
    button(scope, "Unsure (S)", "", () => decide("unsure")),
    button(scope, "Skip (J)", "quiet", () => decide("skip")),
  ];
  const others = el("div", "buttons", { role: "group", "aria-label": "Change to another class" });
  const body = el("div", "queue-body", place, text, facts, problem, el("div", "buttons", ...buttons.map(({ node }) => node), note), others);
  const node = el("div", "queue", body, empty, el("div", "buttons", again.node));
  /** Of several classes, by its place. The label that the row has is kept. */
  const pick = (place: number) => {
    const { shared, queue, queueAt } = store.get();
    const [label, has] = [shared.classes[place], queue?.[queueAt]?.label];
    if (shared.classes.length > 2 && label !== undefined) actions.judge(label === has ? "keep" : "relabel", label);
  };
  const { classes } = store.get().shared;
  const labels = classes.length < 3 ? [] : classes.map((name, i) => button(scope, i < NUMBERED ? `${i + 1} ${name}` : name, "", () => pick(i)));
  others.append(...labels.map((one) => one.node));
  let shown: number | undefined;
  actInSight(scope, body, () => seen(body));
  const draw = () => {
    const { queue, queueAt, queueError, judging, shared } = store.get();
    const suspect = queue?.[queueAt];
    for (const one of [...buttons, ...labels]) one.update(judging ? "Wait until the decision is saved" : "");
    setClass(body, "judging", judging);
    setText(problem, queueError);
    problem.hidden = queueError === "";
    body.hidden = suspect === undefined;
    empty.hidden = suspect !== undefined;
    again.node.hidden = suspect !== undefined || queue === null;
    setText(empty, queueError || (queue === null ? "Ranking…" : "No suspects left. B goes back to the last one."));
    if (suspect === undefined || queue === null) return;
    setText(place, `${queueAt + 1} of ${queue.length} · training row ${suspect.row}${suspect.id === String(suspect.row) ? "" : ` · ${suspect.id}`}`);
    setContent(text, suspect);
    setText(change.node, changeTo(suspect.suggested));
    labels.forEach(({ node: one }, i) => setClass(one, "has", shared.classes[i] === suspect.label));
    setText(facts, `Labelled ${quoted(suspect.label)}. A model trained without this row predicts ${quoted(suspect.suggested)} with probability ${percent(suspect.score)}.`);
    if (shown !== suspect.row && node.parentElement?.contains(focused(node))) seen(body);
    if (shown !== suspect.row) text.scrollTop = 0;
    shown = suspect.row;
  };
  drawn(scope, store, draw);
  return {
    node,
    decide: (decision: Decision | "skip") => seen(body) && decide(decision),
    pick: (place: number) => seen(body) && pick(place),
    scroll: (pages: number) => text.scrollBy({ top: pages * text.clientHeight, behavior: "instant" }),
    note: () => note.focus(),
  };
}

function createHelp() {
  const items = KEYS.map(([keys, words]) => el("div", "", el("dt", "", ...keys.map((key) => el("kbd", "key", key))), el("dd", "", words)));
  return { node: el("dl", "keys", { tabindex: 0 }, ...items) };
}

export interface PanelView {
  node: HTMLElement;
  open(panel: Panel): void;
  decide(decision: Decision | "skip"): void;
  search(): void;
  pick(place: number): void;
  /** A long text, by parts of what is in sight of it. */
  scroll(pages: number): void;
  note(): void;
}

export function createPanel(scope: Scope, session: Session): PanelView {
  const { store, actions } = session;
  const title = el("h3", "heading", { id: uniqueId("panel"), tabindex: -1 });
  const queue = createQueue(scope, session);
  const rows = createAllRows(scope, session);
  const parts: Record<Exclude<Panel, "none">, HTMLElement> = {
    queue: queue.node,
    rows: rows.node,
    history: createHistory(scope, session, rows.focus).node,
    help: createHelp().node,
  };
  const close = button(scope, "Close", "quiet", () => open("none"));
  const head = el("div", "pane-head", title, close.node);
  const node = el("section", "panel", { "aria-labelledby": title.id }, head, ...Object.values(parts));
  let opener: Element | null = null;
  const draw = () => {
    const { panel } = store.get();
    node.hidden = panel === "none";
    setText(title, TITLES[panel]);
    for (const [name, part] of Object.entries(parts)) part.hidden = name !== panel;
  };
  /** Moves the focus to the opened panel and scrolls it into view; on closing, moves the focus back. */
  function open(panel: Panel) {
    const was = store.get().panel;
    if (was === "none") opener = focused(node);
    actions.open(panel === was ? "none" : panel);
    if (store.get().panel !== "none") {
      title.focus({ preventScroll: true });
      seen(node);
    } else if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  }
  drawn(scope, store, draw);
  const judging = () => store.get().panel === "queue";
  return {
    node,
    open,
    decide(decision) {
      if (judging()) queue.decide(decision);
      else if (decision !== "skip") rows.decide(decision);
    },
    pick: queue.pick,
    scroll: queue.scroll,
    note: () => (judging() ? queue : rows).note(),
    search: rows.search,
  };
}
