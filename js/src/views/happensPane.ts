/** Right pane: the predicted effect of the marks and, after retraining, their actual effect. */

import type { Session } from "../session";
import type { Flip, Verified } from "../protocol";
import { button, drawn, el, listen, section, setClass, setText, showSome } from "./dom";
import { createExport } from "./exportBar";
import { createChangedNote } from "./outcome";
import { nextStep, whyNotVerify } from "./whyPane";

function createScores() {
  const body = el("tbody", "");
  const heads = ["Score", "Before", "After", "Trend"].map((words) => el("th", "", { scope: "col" }, words));
  const node = el("table", "scores", el("thead", "", el("tr", "", ...heads)), body);
  return {
    node,
    show({ scores }: Verified) {
      const lines = scores.map(({ label, before, after, worth, trend }) => {
        const cells = [before, after].map((value) => el("td", "num", value));
        return el("tr", "", el("th", "", { scope: "row" }, label), ...cells, el("td", worth, trend));
      });
      body.replaceChildren(...lines);
      node.hidden = lines.length === 0;
    },
  };
}

function flipLine({ row, text, words, worth, change }: Flip): HTMLElement {
  const parts = [el("span", `verdict ${worth}`, words), el("span", "flip-text", `${row}. `, el("bdi", "", text)), el("span", "num", change)];
  return el("li", "", el("button", "flip-line", { type: "button", "data-row": row }, ...parts));
}

export function createHappensPane(session: Session): { node: HTMLElement; verify(): void; export(): void } {
  const { store, actions } = session;
  const verify = button("Verify by retraining", "", actions.verify);
  const words = el("p", "flip-facts");
  const scores = createScores();
  const list = el("ul", "flip-list");
  const result = el("div", "result", { role: "group", tabindex: 0, "aria-label": "Result of retraining" }, scores.node, words, list);
  let shownFlips: unknown;
  let shownScores: unknown;

  listen(list, "click", (event) => {
    const line = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-row]") : null;
    if (line !== null) actions.select(Number(line.dataset["row"]));
  });
  drawn(store, (view) => {
    const { verification } = view.shared;
    verify.update(whyNotVerify(view));
    setClass(verify.node, "primary", nextStep(view) === "verify");
    result.hidden = verification === null;
    if (verification === null) return;
    setText(words, verification.words);
    if (shownScores !== verification) scores.show((shownScores = verification));
    if (shownFlips === view.flips) return;
    shownFlips = view.flips;
    const rows = view.flips?.rows ?? [];
    showSome(list, rows.map(flipLine), view.flips?.total ?? 0, "more (filter the test rows)");
  });
  const title = el("h3", "heading", "Effect");
  const file = createExport(session);
  const head = el("div", "pane-head", title, el("div", "buttons verify", verify.node));
  const node = section("pane happens", title, head, createChangedNote(store), result, file.node);
  return { node, verify: () => verify.node.click(), export: file.write };
}
