/** Rows that people decided differently, and decisions that did not carry over: what was said, and a button for each way out. */

import type { HistoryLine, Matter } from "../protocol";
import type { Session } from "../session";
import { inTurn } from "../store";
import { drawn, el, focused, seen, setText } from "./dom";
import { numberKeys } from "./keys";
import { createNote } from "./note";

export function createMatters(session: Session, createLine: (line: HistoryLine) => HTMLElement) {
  const { store, actions } = session;
  const about = el("p", "muted");
  const list = el("ol", "history-list", { tabindex: 0, "aria-label": "To be decided" });
  const note = createNote(session, "Note on the first row", (view) => inTurn(view).slice(0, 1).flatMap(({ row }) => row ?? []));
  const item = (matter: Matter, place: number) => {
    const buttons = matter.choices.map((choice, i) => {
      const one = el("button", "button", { type: "button" }, choice.words + (place === 0 ? ` (${i + 1})` : ""));
      one.onclick = () => actions.settle(matter, choice); // goes with its line
      return el("p", "choice", one, el("span", "muted", choice.effect));
    });
    const text = el("p", "matter-text", { dir: "auto" }, matter.text);
    return el("li", "card", el("h4", "heading", matter.title), text, el("ul", "history-list", ...matter.said.map(createLine)), ...buttons);
  };
  let items: HTMLElement[] = [];
  let shown = "";
  drawn(store, (view) => {
    const matters = inTurn(view);
    const now = JSON.stringify(matters);
    note.hidden = matters.length === 0;
    setText(about, view.matters?.about ?? "");
    if (now === shown) return;
    shown = now;
    const held = items.some((one) => one.contains(focused(one)));
    items = matters.map(item);
    list.replaceChildren(...items);
    if (held) list.querySelector("button")?.focus();
  });
  return {
    node: el("div", "matters", about, note, list),
    keys: {
      ...numberKeys((place) => {
        const [first] = items;
        if (first !== undefined && seen(first)) first.querySelectorAll<HTMLElement>(".rlw-choice > button")[place]?.click();
      }),
      j: actions.pass,
      n: () => note.focus(),
    },
  };
}
