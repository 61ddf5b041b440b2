/** What is known about the chosen row: facts from refits, and predictions marked as such. */

import type { Tone } from "../protocol";
import type { Store, View } from "../store";
import { drawn, el, setClass, setText } from "./dom";

const BADGES: Record<Tone, string> = { fact: "Verified", guess: "Estimate", open: "" };

function createNote() {
  const badge = el("span", "badge");
  const text = el("span", "note-text");
  const node = el("p", "note", badge, text);
  return {
    node,
    show(tone: Tone, words: string, trial = false) {
      setText(badge, trial ? `Trial: ${BADGES[tone].toLowerCase() || "open"}` : BADGES[tone]);
      setClass(badge, "tried", trial);
      for (const name of Object.keys(BADGES)) setClass(node, name, name === tone);
      setText(text, words);
    },
  };
}

const NOT_SEARCHED = "Not searched yet. A flip set is the smallest set of label changes that flips this.";
const NOT_MARKED = "Try the flip set, or decide about its rows. What that does is estimated here, and known once you verify.";

/** What is known about the current labels: a fact after a verification, until then a prediction. */
function changedWords({ ranking, forecast, shared, relabelled, onTrial }: Readonly<View>): [Tone, string] {
  if (ranking?.retrained && shared.verification !== null) return ["fact", ranking.retrained];
  if (ranking === null || forecast === null || relabelled.size + onTrial.size === 0) return ["open", NOT_MARKED];
  return ["guess", forecast.words];
}

/** The notes are always shown: if they came and went, rows would jump under the pointer. */
function createView(store: Store<View>, words: (view: Readonly<View>) => [Tone, string, boolean?]): HTMLElement {
  const note = createNote();
  const node = el("div", "outcome", note.node);
  drawn(store, (view) => note.show(...words(view)));
  return node;
}

export function createFlipNote(store: Store<View>): HTMLElement {
  return createView(store, ({ ranking, shared: { job }, testRow }) => {
    if (job?.kind === "find" && job.row === testRow) return ["open", "Looking for the smallest set of label changes that flips this…"];
    return ranking?.flip ? [ranking.flip.tone, ranking.flip.words] : ["open", NOT_SEARCHED];
  });
}

export function createChangedNote(store: Store<View>): HTMLElement {
  return createView(store, (view) => [...changedWords(view), view.onTrial.size > 0]);
}
