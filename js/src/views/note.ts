/** A field for a note. The text belongs to the rows it was typed for and waits for their next decision. */

import type { Session } from "../session";
import { draftOf, type View } from "../store";
import { drawn, el, listen } from "./dom";

export function createNote({ store, actions }: Session, label: string, rows: (view: Readonly<View>) => readonly number[]) {
  const node = el("input", "input note-field", { type: "text", dir: "auto", placeholder: "Note", "aria-label": label, maxlength: 2000 });
  listen(node, "input", () => actions.draft(rows(store.get()), node.value));
  drawn(store, (view) => {
    const words = draftOf(view, rows(view));
    if (node.value !== words) node.value = words;
  });
  return node;
}
