/** The last step: the corrected labels, or all decisions, written to a file. */

import type { Session } from "../session";
import { button, drawn, el, field, listen } from "./dom";
import { BUSY } from "./whyPane";

export function createExport({ store, actions }: Session) {
  const input = el("input", "input file", { type: "text", spellcheck: "false" });
  const every = el("input", "box", { type: "checkbox", "aria-label": "All decisions" });
  const write = button("Export labels", "", () => actions.exportTo(input.value.trim()));
  const all = el("label", "every", { title: "All decisions: keep and unsure too, with notes and names" }, every, "All");
  let touched = false;
  const update = () => {
    const { shared, busy, every: isEvery } = store.get();
    const name = isEvery ? shared.export_all : shared.export_path;
    if (!touched && input.value !== name) input.value = name;
    input.title = input.value; // there may be no room for all of it
    write.update(busy ? BUSY : input.value.trim() === "" ? "Enter a file name first" : "");
  };
  listen(every, "change", () => store.set({ every: every.checked }));
  listen(input, "input", () => {
    touched = true;
    update();
  });
  listen(input, "keydown", (event) => {
    if (event.key === "Enter") write.node.click();
  });
  drawn(store, update);
  return { node: el("div", "export", field("Export file", input, "hidden"), all, write.node), write: () => write.node.click() };
}
