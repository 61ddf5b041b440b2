/** What is known about the chosen row: facts from refits, and predictions marked as such. */

import type { FlipSummary, Forecast, Ranking } from "../protocol";
import type { Store, View } from "../store";
import { drawn, el, setClass, setText } from "./dom";
import { plural, proba, signed } from "./format";
import { quoted } from "./names";

type Tone = "fact" | "guess" | "open";
const BADGES: Record<Tone, string> = { fact: "Verified", guess: "Prediction", open: "Open" };

function createNote() {
  const badge = el("span", "badge");
  const text = el("span", "note-text");
  const node = el("p", "note", badge, text);
  return {
    node,
    show(tone: Tone, words: string, trial = false) {
      setText(badge, trial ? `Trial: ${BADGES[tone].toLowerCase()}` : BADGES[tone]);
      setClass(badge, "tried", trial);
      for (const name of Object.keys(BADGES)) setClass(node, name, name === tone);
      setText(text, words);
    },
  };
}

/** What is proven about the size of the set. */
function smallness({ size, optimal, lowerBound }: FlipSummary): string {
  if (optimal) return size === 1 ? "No smaller set exists." : "No smaller set can flip it.";
  if (lowerBound <= 1) return "No smaller set was found; one may exist.";
  return `No set of fewer than ${lowerBound} rows can flip it.`;
}

export function flipWords(flip: FlipSummary, several = false): [Tone, string] {
  if (!flip.found) return ["open", flip.outcome];
  const rows = plural(flip.size, "training row");
  if (!flip.verified && flip.own) return ["open", `Set of ${rows}. ${flip.outcome} ${flip.own}`];
  if (!flip.verified || flip.probaAfter === null) return ["guess", `Relabelling ${rows} is predicted to flip it. ${flip.outcome}`];
  const change = `probability ${proba(flip.probaBefore)} → ${proba(flip.probaAfter)}`;
  const to = several && flip.predictedAfter !== null ? ` to ${quoted(flip.predictedAfter)}` : "";
  return ["fact", `Relabelling ${rows} flips the prediction${to} after retraining: ${[`${change}.`, flip.own, smallness(flip)].filter(Boolean).join(" ")}`];
}

export function forecastWords(forecast: Forecast, before: string): string {
  const verb = forecast.predicted === before ? "stays" : "becomes";
  return (
    `With ${plural(forecast.labels, "changed label")}, to first order: log-odds ${signed(forecast.logOdds)}, ` +
    `probability about ${proba(forecast.proba)}, so it ${verb} ${quoted(forecast.predicted)}. Verify to confirm.`
  );
}

export function verifiedWords({ shared }: Readonly<View>, ranking: Ranking): string {
  const { verification } = shared;
  const { summary } = ranking;
  if (verification === null || summary.verifiedProba === null || summary.verifiedPredicted === null) return "";
  const verb = summary.flipped === true ? "flips to" : "stays";
  return (
    `${shared.verifiedBy === "minimiser" ? "Retrained" : `Your ${shared.verifiedBy} retrained`} with ${plural(verification.rows, "changed label")}: this row ${verb} ${quoted(summary.verifiedPredicted)}, ` +
    `probability ${proba((shared.verifiedBy === "minimiser" ? null : summary.ownProba) ?? summary.proba)} → ${proba(summary.verifiedProba)}.`
  );
}

const NOT_SEARCHED = "Not searched yet. A flip set is the smallest set of label changes that flips this.";
const NOT_MARKED = "Try the flip set, or decide about its rows: what that does is predicted here. Then verify.";

/** What is known about the current labels: a fact after a verification, until then a prediction. */
function changedWords(view: Readonly<View>): [Tone, string] {
  const { ranking, forecast } = view;
  if (ranking === null) return ["open", NOT_MARKED];
  const words = verifiedWords(view, ranking);
  if (words !== "") return ["fact", words];
  if (forecast === null || view.relabelled.size + view.onTrial.size === 0) return ["open", NOT_MARKED];
  return ["guess", forecastWords(forecast, ranking.summary.predicted)];
}

/** The notes are always shown: if they came and went, rows would jump under the pointer. */
function createView(store: Store<View>, words: (view: Readonly<View>) => [Tone, string, boolean?]): HTMLElement {
  const note = createNote();
  const node = el("div", "outcome", note.node);
  drawn(store, (view) => note.show(...words(view)));
  return node;
}

export function createFlipNote(store: Store<View>): HTMLElement {
  return createView(store, ({ ranking, shared, testRow }) => {
    const { job, classes } = shared;
    if (job?.kind === "find" && job.row === testRow) return ["open", "Looking for the smallest set of label changes that flips this…"];
    return ranking?.flip ? flipWords(ranking.flip, classes.length > 2) : ["open", NOT_SEARCHED];
  });
}

export function createChangedNote(store: Store<View>): HTMLElement {
  return createView(store, (view) => [...changedWords(view), view.onTrial.size > 0]);
}
