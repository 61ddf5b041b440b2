/** Keys: how they move the focus in a list, and what each does. */

import type { Decision } from "../protocol";
import type { Session } from "../session";
import { isWorking, TITLES } from "../store";
import { focused, listen, TYPING } from "./dom";
import type { PanelView } from "./panel";

/** The row a key moves the focus to in a list of `total` rows; undefined for keys that do not move it. */
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
  [["?"], "Show these keys"],
  [["1", "2"], "Go to the test or training rows"],
  [["↑", "↓", "Enter"], "Move through a list, pick a test row"],
  [["/"], "Search the list"],
  [["L"], "All training rows"],
  [["F"], "Find the flip set"],
  [["Space"], "Mark or unmark"],
  [["Shift ↑", "Shift ↓"], "Select several training rows"],
  [["A"], "Try the flip set: nothing is recorded"],
  [["T"], "Try the selected or focused rows, or end that"],
  [["D"], "Decide about the flip set row by row"],
  [["R", "K", "S"], "Relabel, keep, unSure: selected or focused rows"],
  [["C"], "Clear their decisions"],
  [["N"], "Note for the next decision; Enter leaves it"],
  [["V"], "Verify by retraining"],
  [["U", "Shift U"], "Undo, redo; Ctrl Z too"],
  [["Q"], "Suspects one by one; J skips, B goes back, 1–9 picks one of several classes"],
  [["O"], "Conflicts; 1–9 decides the first, J skips it"],
  [["H"], "History"],
  [["X"], "Export the labels"],
  [["Z"], "Full screen"],
  [["Esc"], "Close, cancel the running job, or end the trial"],
];

/** What each key does at a place. */
export type Keys = Record<string, () => void>;

export const decisionKeys = (decide: (decision: Decision) => void): Keys => ({
  r: () => decide("relabel"),
  k: () => decide("keep"),
  s: () => decide("unsure"),
  c: () => decide("clear"),
});

/** The numbers from 1 on, by their places. */
export const numberKeys = (pick: (place: number) => void): Keys => Object.fromEntries([..."123456789"].map((key, place) => [key, () => pick(place)]));

/** One handler at the root. A notebook in command mode takes plain letters as commands, so none gets past here. */
export function listenToKeys(root: HTMLElement, { store, actions }: Session, panel: PanelView, inPanes: Keys, everywhere: Keys): void {
  const keys: Keys = {
    ...everywhere,
    "?": () => panel.open("help"),
    u: actions.undo,
    U: actions.redo,
    q: () => panel.open("queue"),
    h: () => panel.open("history"),
    l: () => panel.open("rows"),
    o: () => panel.open("conflicts"),
  };
  const fieldOf = (node: unknown) => (node instanceof HTMLElement && node.matches(TYPING) ? node : null);
  const escape = (field: HTMLElement | null) => {
    const { panel: shown, replacing, onTrial, steps } = store.get();
    if (replacing !== "") actions.keepFile();
    else if (field !== null) {
      const line = field.closest("section")?.querySelector<HTMLElement>("[data-index][tabindex='0'], [data-index] [tabindex='0']");
      (line?.checkVisibility() ? line : root).focus({ preventScroll: true });
    }
    else if (shown !== "none") panel.open(shown);
    else if (isWorking(store.get())) actions.cancel();
    else if (onTrial.size > 0) actions.tryLabels(new Map());
    else if (steps !== null) actions.step();
  };
  const press = (key: string): boolean => {
    const name = key.length === 1 && key !== "U" ? key.toLowerCase() : key;
    const { panel: shown } = store.get();
    const here: Keys = { ...keys, ...(shown === "none" ? inPanes : panel.keys()) };
    const closeFirst = () => store.set({ notice: `Close “${TITLES[shown]}” (Esc) to ${name === "x" ? "export" : "go on"}.`, failed: false });
    const act = here[name] ?? (name in inPanes ? closeFirst : undefined);
    act?.();
    return act !== undefined;
  };

  // Keys pressed while a decision is being recorded are meant for the next suspect, so they wait for it.
  const ahead: string[] = [];
  function goOn(failed: string): void {
    while (ahead.length > 0 && !store.get().judging) {
      if (failed !== "" || store.get().panel !== "queue") {
        const lost = `Keys pressed since were ignored: ${ahead.splice(0).join(" ")}.`;
        return store.set(failed === "" ? { notice: lost } : { queueError: `${failed} ${lost}` });
      }
      const [key = "", field] = [ahead.shift(), fieldOf(focused(root))];
      if (key === "Escape") escape(field);
      else if (field instanceof HTMLInputElement) {
        field.setRangeText(key, field.selectionStart ?? 0, field.selectionEnd ?? 0, "end");
        field.dispatchEvent(new Event("input"));
      } else press(key);
    }
  }
  store.subscribe(({ judging, queueError }) => void (!judging && goOn(queueError)));

  listen(root, "keydown", (event) => {
    event.stopPropagation();
    const field = fieldOf(event.target);
    const step = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z"; // as everywhere
    const key = step ? (event.shiftKey ? "U" : "u") : event.key;
    if (((event.ctrlKey || event.metaKey) && !step) || event.altKey || event.defaultPrevented) return;
    if (store.get().judging && field === null && (key.length === 1 || key === "Escape")) {
      event.preventDefault();
      ahead.push(key);
    } else if (key === "Escape" || (key === "Enter" && field?.matches(".rlw-note-field"))) escape(field);
    else if (field === null && press(key)) event.preventDefault();
  });
}
