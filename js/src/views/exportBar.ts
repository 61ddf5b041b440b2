/** The last step: the corrected labels, written to a file. */

import type { Session } from "../session";
import type { View } from "../store";
import { button, drawn, el, field, type Scope } from "./dom";

export function createExport(scope: Scope, { store, actions }: Session) {
  const input = el("input", "input file", { type: "text", spellcheck: "false" });
  const write = button(scope, "Export labels", "", () => actions.exportTo(input.value.trim()));
  let touched = false;
  const update = ({ shared, busy }: Readonly<View>) => {
    if (!touched && input.value !== shared.exportPath) input.value = shared.exportPath;
    write.update(busy ? "Wait for the running job" : input.value.trim() === "" ? "Enter a file name first" : "");
  };
  scope.listen(input, "input", () => {
    touched = true;
    update(store.get());
  });
  scope.listen(input, "keydown", (event) => {
    if (event.key === "Enter") write.node.click();
  });
  drawn(scope, store, () => update(store.get()));
  return { node: el("div", "export", field("Export file", input, "hidden"), write.node), write: () => write.node.click() };
}
