/** Keys: where they move the focus in a list, and what each does. */

import type { Decision } from "../protocol";
import type { Session } from "../session";
import type { Panel } from "../store";
import type { Scope } from "./dom";
import { unmarked, whyNotFind } from "./whyPane";

/** Where a key moves the focus in a list of `total` rows; undefined for keys that do not move it. */
export function moved(key: string, index: number, total: number, screenful: number): number | undefined {
  if (total === 0) return undefined;
  const steps: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + screenful,
    PageUp: index - screenful,
    Home: 0,
    End: total - 1,
  };
  const target = steps[key];
  return target === undefined ? undefined : Math.min(total - 1, Math.max(0, target));
}

export const KEYS: [keys: string[], words: string][] = [
  [["?"], "These keys"],
  [["1", "2"], "To the test or training rows"],
  [["↑", "↓", "Enter"], "Move in a list, pick a test row"],
  [["/"], "Search the test rows"],
  [["F"], "Find the flip set"],
  [["Space"], "Mark or unmark"],
  [["Shift ↑", "Shift ↓"], "Choose several training rows"],
  [["A"], "Mark the whole flip set"],
  [["R", "K", "S"], "Relabel, keep, unSure: chosen, or in focus"],
  [["C"], "Clear their decision"],
  [["N"], "Note for the next decision"],
  [["V"], "Verify by retraining"],
  [["U", "Shift U"], "Undo, redo"],
  [["Q"], "Suspects one by one; J skips"],
  [["H"], "History"],
  [["X"], "Export the labels"],
  [["Esc"], "Close, or cancel the running job"],
];

export interface Places {
  tests(): void;
  training(): void;
  search(): void;
  note(): void;
  decide(decision: Decision | "skip"): void;
  export(): void;
  open(panel: Panel): void;
}

const TYPING = "input:not([type=checkbox]), select, textarea";

/** One handler at the root. A notebook in command mode takes plain letters as commands: none gets past here. */
export function listenToKeys(scope: Scope, root: HTMLElement, { store, actions }: Session, go: Places): void {
  const keys: Record<string, () => void> = {
    "?": () => go.open("help"),
    1: go.tests,
    2: go.training,
    "/": go.search,
    f: () => whyNotFind(store.get()) === "" && actions.find(),
    a: () => actions.mark(unmarked(store.get()), true),
    r: () => go.decide("relabel"),
    k: () => go.decide("keep"),
    s: () => go.decide("unsure"),
    j: () => go.decide("skip"),
    c: () => go.decide("clear"),
    n: go.note,
    v: () => !store.get().busy && store.get().relabelled.size > 0 && actions.verify(),
    u: actions.undo,
    U: actions.redo,
    q: () => go.open("queue"),
    h: () => go.open("history"),
    x: go.export,
  };
  scope.listen(root, "keydown", (event) => {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target instanceof Element && event.target.matches(TYPING);
    if (event.key === "Escape") {
      if (typing && event.target instanceof HTMLElement) root.querySelector<HTMLElement>("[data-index][tabindex='0'], [data-index] [tabindex='0']")?.focus();
      else if (store.get().panel !== "none") go.open(store.get().panel);
      else if (store.get().busy) actions.cancel();
      return;
    }
    const act = typing ? undefined : keys[event.key.length === 1 && event.key !== "U" ? event.key.toLowerCase() : event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}
