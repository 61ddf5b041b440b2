/** Entry point for anywidget: draws one view of the widget and returns what takes it away again. */

import type { RenderProps } from "@anywidget/types";
import type { Traits } from "./protocol";
import { createSession } from "./session";
import "./style.css";
import { createScope, el } from "./views/dom";
import { createHeader } from "./views/header";
import { createRankPane } from "./views/rankPane";
import { createStatusBar } from "./views/statusBar";
import { createTestPane } from "./views/testPane";

type Props = Pick<RenderProps<Traits & Record<string, unknown>>, "model" | "el">;

export function render({ model, el: host }: Props): () => void {
  const scope = createScope();
  const { store, pages, actions, dispose } = createSession(model);
  scope.add(dispose);
  const panes = el("div", "panes", {}, createTestPane(scope, store, pages, actions), createRankPane(scope, store, actions));
  const body = [createHeader(scope, store, actions), createStatusBar(scope, store, actions), panes];
  const root = el("section", "root", { "aria-label": "Relabel workbench" }, el("div", "frame", {}, ...body));
  // A notebook in command mode takes plain letters as commands, also from a button in an output.
  scope.listen(root, "keydown", (event) => event.stopPropagation());
  host.append(root);
  scope.add(() => root.remove());
  return scope.dispose;
}

export default { render };
