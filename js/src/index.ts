/** Entry point for anywidget: draws one view of the widget and returns its clean-up function. */

import type { RenderProps } from "@anywidget/types";
import type { Traits } from "./protocol";
import { createSession } from "./session";
import "./style.css";
import { drawn, el, keepFocus } from "./views/dom";
import { createEdge, createFullScreen, createTabs } from "./views/frame";
import { createHappensPane } from "./views/happensPane";
import { createHeader } from "./views/header";
import { listenToKeys, type Keys } from "./views/keys";
import { createPanel } from "./views/panel";
import { createQuestion } from "./views/question";
import { createStatusBar } from "./views/statusBar";
import { createTestPane } from "./views/testPane";
import { createWhyPane } from "./views/whyPane";

type Props = Pick<RenderProps<Traits & Record<string, unknown>>, "model" | "el">;

export function render({ model, el: host }: Props): () => void {
  const session = createSession(model);
  const { store, actions } = session;
  // Focusable itself: otherwise a click on plain text would give the focus, and the next keys, to the notebook.
  const root = el("section", "root", { "aria-label": "Relabel workbench", tabindex: -1 });
  const full = createFullScreen(root);
  const panel = createPanel(session);
  const header = createHeader(session, panel.open, full.node);
  const [tests, why, happens] = [createTestPane(session), createWhyPane(session), createHappensPane(session)];
  const tabs = createTabs(session, { tests: tests.node, why: why.node, happens: happens.node });
  const panes = el("div", "panes", tabs, tests.node, why.node, happens.node);
  drawn(store, ({ panel }) => {
    panes.hidden = panel !== "none";
  });
  const body = [header, createStatusBar(session), createQuestion(session), panel.node, panes];
  root.append(el("div", "frame", ...body), createEdge(session, root));
  const inPanes: Keys = {
    ...why.keys,
    1() {
      actions.show("tests");
      tests.focus();
    },
    2() {
      actions.show("why");
      why.focus();
    },
    "/"() {
      actions.show("tests");
      tests.search();
    },
    v: happens.verify,
    x: happens.export,
  };
  listenToKeys(root, session, panel, inPanes, { z: () => full.node.click() });
  keepFocus(root, store);
  host.append(root);
  session.atEnd(() => root.remove());
  return session.dispose;
}

export default { render };
