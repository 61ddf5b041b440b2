/** Asks before replacing a file that is not ours. Cancel is the default; no single key confirms. */

import type { Session } from "../session";
import { button, drawn, el, focused, setText, uniqueId } from "./dom";

export function createQuestion({ store, actions }: Session): HTMLElement {
  const [title, words] = [uniqueId("question"), uniqueId("question")];
  const question = el("strong", "", { id: title });
  const why = el("span", "", { id: words }, "It was not exported from here or has changed since.");
  const replace = button("Replace", "", () => actions.exportTo(store.get().replacing, true));
  const keep = button("Cancel", "", actions.keepFile);
  const role = { role: "alertdialog", "aria-labelledby": title, "aria-describedby": words };
  const node = el("div", "question", role, question, why, el("span", "field", keep.node, replace.node));
  let opener: Element | null = null;
  node.hidden = true;
  drawn(store, ({ replacing }) => {
    const asked = replacing !== "";
    setText(question, asked ? `Replace “${replacing.split(/[\\/]/).pop()}”?` : "");
    if (asked === !node.hidden) return;
    if (asked) opener = focused(node);
    node.hidden = !asked;
    if (asked) keep.node.focus();
    else if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  });
  return node;
}
