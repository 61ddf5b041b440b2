/** Entry point for anywidget: draws one view of the widget and returns its clean-up function. */

import type { RenderProps } from "@anywidget/types";
import type { Traits } from "./protocol";
import { createSession } from "./session";
import "./style.css";
import { createScope, el, keepFocus } from "./views/dom";
import { createHappensPane } from "./views/happensPane";
import { createHeader } from "./views/header";
import { listenToKeys } from "./views/keys";
import { createPanel } from "./views/panel";
import { createQuestion } from "./views/question";
import { createStatusBar } from "./views/statusBar";
import { createTestPane } from "./views/testPane";
import { createWhyPane } from "./views/whyPane";

type Props = Pick<RenderProps<Traits & Record<string, unknown>>, "model" | "el">;

export function render({ model, el: host }: Props): () => void {
  const scope = createScope();
  const session = createSession(model);
  scope.add(session.dispose);
  const panel = createPanel(scope, session);
  const header = createHeader(scope, session, panel.open);
  const [tests, why] = [createTestPane(scope, session), createWhyPane(scope, session)];
  const panes = el("div", "panes", tests.node, why.node, createHappensPane(scope, session));
  const body = [header.node, createStatusBar(scope, session), createQuestion(scope, session), panel.node, panes];
  const judging = () => session.store.get().panel === "queue";
  // Focusable itself: otherwise a click on plain text would give the focus, and the next keys, to the notebook.
  const attributes = { "aria-label": "Relabel workbench", tabindex: -1 };
  const root = el("section", "root", attributes, el("div", "frame", ...body));
  listenToKeys(scope, root, session, {
    tests: tests.focus,
    training: why.focus,
    search: tests.search,
    note: () => (judging() ? panel : why).note(),
    markSet: why.markSet,
    decide(decision) {
      if (judging()) panel.decide(decision);
      else if (decision !== "skip") why.decide(decision);
    },
    export: header.export,
    open: panel.open,
  });
  keepFocus(scope, root, session.store);
  host.append(root);
  scope.add(() => root.remove());
  return scope.dispose;
}

export default { render };
