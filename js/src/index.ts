/** Entry point for anywidget: draws one view of the widget and returns its clean-up function. */

import type { RenderProps } from "@anywidget/types";
import type { Traits } from "./protocol";
import { createSession } from "./session";
import "./style.css";
import { createScope, drawn, el, keepFocus } from "./views/dom";
import { createEdge, createFullScreen, createTabs } from "./views/frame";
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
  const { store, actions } = session;
  scope.add(session.dispose);
  // Focusable itself: otherwise a click on plain text would give the focus, and the next keys, to the notebook.
  const root = el("section", "root", { "aria-label": "Relabel workbench", tabindex: -1 });
  const full = createFullScreen(scope, root);
  const panel = createPanel(scope, session);
  const header = createHeader(scope, session, panel.open, full.node);
  const [tests, why, happens] = [createTestPane(scope, session), createWhyPane(scope, session), createHappensPane(scope, session)];
  const tabs = createTabs(scope, session, { tests: tests.node, why: why.node, happens: happens.node });
  const panes = el("div", "panes", tabs, tests.node, why.node, happens.node);
  drawn(scope, store, () => {
    panes.hidden = store.get().panel !== "none";
  });
  const body = [header, createStatusBar(scope, session), createQuestion(scope, session), panel.node, panes];
  root.append(el("div", "frame", ...body), createEdge(scope, session, root));
  const judging = () => store.get().panel !== "none";
  listenToKeys(scope, root, session, {
    tests() {
      actions.show("tests");
      tests.focus();
    },
    training() {
      actions.show("why");
      why.focus();
    },
    search() {
      if (judging()) return panel.queue.search();
      actions.show("tests");
      tests.search();
    },
    note() {
      actions.show("why");
      (judging() ? panel : why).note();
    },
    markSet: why.markSet,
    decide(decision) {
      if (judging()) panel.queue.decide(decision);
      else if (decision !== "skip") why.decide(decision);
    },
    pick: panel.queue.pick,
    scroll: panel.queue.scroll,
    settle: panel.settle,
    export: happens.export,
    full: () => full.node.click(),
    open: panel.open,
  });
  keepFocus(scope, root, store);
  host.append(root);
  scope.add(() => root.remove());
  return scope.dispose;
}

export default { render };
