/** What takes the place of the panes: the queue, the history, and the keys. */

import type { HistoryLine } from "../protocol";
import type { Session } from "../session";
import { TITLES, type Panel } from "../store";
import { button, drawn, el, focused, listen, section, seen, setText, showSome } from "./dom";
import { KEYS, type Keys } from "./keys";
import { createAllRows } from "./allRows";
import { createMatters } from "./conflicts";
import { createQueue } from "./queue";

function createLine({ event, time, who, what, note, state, row, text }: HistoryLine): HTMLElement {
  const when = el("time", "muted", { datetime: time }, new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));
  const tail = el("span", "muted", el("bdi", "", who), `${who && " · "}event ${event}${state === "undone" ? ", undone" : ""}`);
  const words = row === null ? el("span", "history-what", what) : el("button", "history-what leads", { type: "button", "data-row": row }, what);
  const said = el("span", "", words);
  if (note !== "") said.append(el("q", "history-note", { dir: "auto" }, note));
  return el("li", `history-line ${state}`, when, said, tail, el("span", "muted history-text", { dir: "auto" }, text));
}

function createHistory({ store }: Session) {
  const list = el("ol", "history-list", { tabindex: 0, "aria-label": "Decisions, newest first" });
  const empty = el("p", "empty", "No decisions yet.");
  let shown: unknown;
  drawn(store, ({ history }) => {
    empty.hidden = history === null || history.total > 0;
    list.hidden = !empty.hidden;
    if (history === shown || history === null) return;
    shown = history;
    showSome(list, history.lines.map(createLine), history.total, "older ones");
  });
  return { node: el("div", "", list, empty) };
}

function createHelp() {
  const items = KEYS.map(([keys, words]) => el("div", "", el("dt", "", ...keys.map((key) => el("kbd", "key", key))), el("dd", "", words)));
  return { node: el("dl", "keys", { tabindex: 0 }, ...items) };
}

interface Part {
  node: HTMLElement;
  keys?: Keys;
}

export interface PanelView {
  node: HTMLElement;
  open(panel: Panel): void;
  /** What keys do in what is open. */
  keys(): Keys;
}

export function createPanel(session: Session): PanelView {
  const { store, actions } = session;
  const title = el("h3", "heading", { tabindex: -1 });
  const [queue, rows, matters] = [createQueue(session), createAllRows(session), createMatters(session, createLine)];
  const parts: Partial<Record<Panel, Part>> = { queue, rows, history: createHistory(session), conflicts: matters, carried: matters, help: createHelp() };
  const close = button("Close", "quiet", () => open("none"));
  const head = el("div", "pane-head", title, queue.head, close.node);
  const node = section("panel", title, head);
  let opener: Element | null = null;
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
  drawn(store, ({ panel }) => {
    node.hidden = panel === "none";
    setText(title, TITLES[panel]);
    queue.head.hidden = panel !== "queue";
    // Only what is open is in the page: the rows' details would be there twice otherwise.
    const part = parts[panel]?.node;
    for (const other of Object.values(parts)) if (other.node !== part) other.node.remove();
    if (part !== undefined && part.parentNode !== node) node.append(part);
  });
  listen(node, "click", ({ target }) => {
    const line = target instanceof Element ? target.closest<HTMLElement>(".rlw-leads") : null;
    if (line === null) return;
    const { row, search } = line.dataset;
    actions.lead(row ? Number(row) : null, search);
    rows.focus();
  });
  return { node, open, keys: () => parts[store.get().panel]?.keys ?? {} };
}
