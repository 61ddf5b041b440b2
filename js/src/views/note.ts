/** A field for a note. The text belongs to the rows it was typed for and waits for their next decision. */

import type { Session } from "../session";
import { draftOf, type View } from "../store";
import { drawn, el, type Scope } from "./dom";

export function createNote(scope: Scope, { store, actions }: Session, label: string, rows: (view: Readonly<View>) => readonly number[]) {
  const node = el("input", "input note-field", { type: "text", dir: "auto", placeholder: "Note", "aria-label": label, maxlength: 2000 });
  scope.listen(node, "input", () => actions.draft(rows(store.get()), node.value));
  drawn(scope, store, () => {
    const words = draftOf(store.get(), rows(store.get()));
    if (node.value !== words) node.value = words;
  });
  return node;
}
