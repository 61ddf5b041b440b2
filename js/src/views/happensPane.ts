/** Right pane: the predicted effect of the marks and, after retraining, their actual effect. */

import type { Session } from "../session";
import type { TestRow, Verified } from "../protocol";
import type { View } from "../store";
import { button, drawn, el, listen, setClass, setText, uniqueId } from "./dom";
import { count, percent, plural, proba } from "./format";
import { createExport } from "./exportBar";
import { createChangedNote } from "./outcome";
import { SIGNS, worth } from "./testRow";
import { nextStep, whyNotVerify } from "./whyPane";

type Better = "up" | "down";
const SCORES: [label: string, before: keyof Verified, after: keyof Verified, better: Better, show: (value: number) => string][] = [
  ["Accuracy", "accuracyBefore", "accuracyAfter", "up", percent],
  ["F1", "f1Before", "f1After", "up", (value) => value.toFixed(3)],
  ["AUC", "aucBefore", "aucAfter", "up", (value) => value.toFixed(3)],
  ["Log-loss", "logLossBefore", "logLossAfter", "down", (value) => value.toFixed(4)],
];

/** Where a score went, what that is worth, and both in words. */
export function trend(before: number, after: number, better: Better): [sign: string, tone: string, words: string] {
  if (Math.abs(after - before) < 5e-5) return ["=", "", "unchanged"];
  const rose = after > before;
  const worth = rose === (better === "up") ? "better" : "worse";
  return [rose ? "↑" : "↓", worth, worth];
}

function createScores() {
  const body = el("tbody", "");
  const heads = ["Score", "Before", "After", "Trend"].map((words) => el("th", "", { scope: "col" }, words));
  const node = el("table", "scores", el("thead", "", el("tr", "", ...heads)), body);
  return {
    node,
    show(verified: Verified) {
      const lines = SCORES.flatMap(([label, from, to, better, show]) => {
        const [before, after] = [verified[from], verified[to]];
        if (before === null || after === null) return [];
        const [sign, tone, words] = trend(before, after, better);
        const cells = [show(before), show(after)].map((value) => el("td", "num", value));
        const mark = el("td", tone, `${sign} ${words}`);
        return [el("tr", "", el("th", "", { scope: "row" }, label), ...cells, mark)];
      });
      body.replaceChildren(...lines);
      node.hidden = lines.length === 0;
    },
  };
}

function flipLine(row: TestRow): HTMLElement {
  const tone = worth(row);
  const words = { fact: "changed", better: "now right", worse: "now wrong" }[tone];
  const change = `${proba(row.proba)} → ${row.verifiedProba === null ? "?" : proba(row.verifiedProba)}`;
  const parts = [el("span", `verdict ${tone}`, `${SIGNS[tone]} ${words}`), el("span", "flip-text", `${row.row}. `, el("bdi", "", row.text)), el("span", "num", change)];
  return el("li", "", el("button", "flip-line", { type: "button", "data-row": row.row }, ...parts));
}

function facts({ shared }: Readonly<View>): string {
  const found = shared.verification;
  if (found === null) return "";
  const { becameRight, becameWrong, pValue } = found;
  const split = becameRight === null || becameWrong === null ? "" : `: ${count(becameRight)} now right, ${count(becameWrong)} now wrong`;
  const chance = pValue === null || pValue === 1 ? "" : ` By luck alone, a split so uneven has probability ${pValue < 0.001 ? "under 0.001" : proba(pValue)}.`;
  return `${count(found.flipped)} of ${plural(shared.nTest, "test row")} ${found.flipped === 1 ? "changes" : "change"} class${split}.${chance}`;
}

export function createHappensPane(session: Session): { node: HTMLElement; export(): void } {
  const { store, actions } = session;
  const verify = button("Verify by retraining", "", actions.verify);
  const words = el("p", "flip-facts");
  const scores = createScores();
  const list = el("ul", "flip-list");
  const result = el("div", "result", { role: "group", tabindex: 0, "aria-label": "Result of retraining" }, words, scores.node, list);
  const id = uniqueId("happens");
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
    setText(words, facts(view));
    if (shownScores !== verification) scores.show((shownScores = verification));
    if (shownFlips === view.flips) return;
    shownFlips = view.flips;
    const rows = view.flips?.rows ?? [];
    const more = (view.flips?.total ?? 0) - rows.length;
    list.replaceChildren(...rows.map(flipLine), ...(more > 0 ? [el("li", "muted", `and ${count(more)} more (filter the test rows)`)] : []));
  });
  const title = el("h3", "heading", { id }, "Effect");
  const file = createExport(session);
  const head = el("div", "pane-head", title, el("div", "buttons verify", verify.node));
  const node = el("section", "pane happens", { "aria-labelledby": id }, head, createChangedNote(store), result, file.node);
  return { node, export: file.write };
}
