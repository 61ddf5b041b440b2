/** The training row that keys act on: its full text, the words it shares with the query, and its decision. */

import type { Session } from "../session";
import type { Decision, WordPart } from "../protocol";
import { draftOf, type View } from "../store";
import { setContent } from "./content";
import { button, drawn, el, listen, section, setAttribute, setText, showSome } from "./dom";
import { plural } from "./format";
import { isNews } from "./marks";
import { relabelAs } from "./names";
import { createNote } from "./note";
import { setMeta } from "./queryCard";

const SHOWN = 7;

function createWords() {
  const list = el("ul", "words", { tabindex: 0, "aria-label": "Shared with the test row" });
  return {
    node: list,
    show(words: readonly WordPart[]) {
      const largest = Math.max(1e-12, ...words.map(({ part }) => Math.abs(part)));
      const items = words.slice(0, SHOWN).map(({ word, part, change }) => {
        const bar = el("span", part < 0 ? "word-bar left" : "word-bar", { "aria-hidden": "true" });
        bar.style.width = `${(Math.abs(part) / largest) * 36}px`;
        return el("li", "word", el("bdi", "word-name", word), bar, el("span", "word-part", change));
      });
      showSome(list, items, words.length);
    },
  };
}

/** The rows that a decision applies to: the selected ones, or else the active one. */
export function subjects({ selection, active }: { selection: ReadonlySet<number>; active: number | null }): number[] {
  if (selection.size > 0) return [...selection];
  return active === null ? [] : [active];
}

export function createDetail(session: Session, isShown: (view: Readonly<View>) => boolean) {
  const { store, actions } = session;
  const title = el("h4", "heading");
  const text = el("div", "detail-text", { tabindex: 0, dir: "auto" });
  const note = createNote(session, "Note", subjects);
  const words = createWords();
  const shared = el("p", "muted");
  const meta = el("p", "muted meta", { dir: "auto" });
  const same = el("div", "same");
  const decide = (decision: Decision) => actions.decide(subjects(store.get()), decision);
  const change = button("Relabel (R)", "change-to", () => decide("relabel"));
  const toggle = () => {
    const { onTrial } = store.get();
    const rows = subjects(store.get());
    const next = new Map(onTrial);
    const all = rows.every((row) => onTrial.has(row));
    for (const row of rows) all ? next.delete(row) : next.set(row, onTrial.get(row) ?? null);
    actions.tryLabels(next);
  };
  const attempt = button("Try (T)", "dashed small", toggle);
  const buttons = [
    change,
    button("Keep (K)", "", () => decide("keep")),
    button("Unsure (S)", "", () => decide("unsure")),
    button("Clear (C)", "quiet", () => decide("clear")),
  ];
  const tools = el("div", "buttons", ...buttons.map((one) => one.node), note);
  const node = section("card detail", title, el("div", "card-head", title, attempt.node), text, tools, shared, words.node, meta, same);
  let before: unknown;

  listen(same, "click", ({ target }) => {
    const view = store.get();
    const label = target instanceof HTMLElement ? target.dataset["label"] : undefined;
    const rows = view.words?.same ?? [];
    if (label === undefined) return;
    actions.draft(rows, draftOf(view, subjects(view)) || "equal texts"); // with a note it counts for those that have the label, too
    actions.decide(rows, "relabel", rows.map(() => label));
  });
  drawn(store, (view) => {
    const { active, selection, onTrial } = view;
    node.hidden = !isShown(view);
    if (node.hidden) return;
    const found = view.words?.train === active ? view.words : null;
    setText(title, selection.size > 0 ? `${plural(selection.size, "training row")} selected` : `${view.steps ? "Decide: row" : "Training row"} ${active ?? "…"}`);
    setAttribute(attempt.node, "aria-pressed", String(active !== null && subjects(view).every((row) => onTrial.has(row))));
    if (selection.size > 0) setText(change.node, "Relabel (R)");
    else if (found !== null) setText(change.node, relabelAs(found.label));
    if (before === found) return;
    before = found;
    const names = found?.words.map(({ word }) => word) ?? [];
    setContent(text, found ?? undefined, names, false, found?.words.map(({ part }) => Math.abs(part)));
    setMeta(meta, found);
    const all = `All ${found?.same.length} equal rows`;
    const choices = found?.choices.map((label) => el("button", "button small", { type: "button", "data-label": label }, `${all}: ${label}`));
    if (isNews(same, found?.other, found?.same, found?.choices)) same.replaceChildren(found?.other ?? "", ...(choices ?? []));
    words.show(found?.words ?? []);
    if (found !== null) words.node.hidden = found.content !== null; // a table says it itself, and pixels have no names
    setText(shared, found?.about ?? "");
  });
  return { node, decide, toggle, note: () => note.focus() };
}
