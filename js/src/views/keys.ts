/** Keys: how they move the focus in a list, and what each does. */

import type { Decision } from "../protocol";
import type { Session } from "../session";
import { hasMatters, isWorking, TITLES, type Panel } from "../store";
import { focused, listen, TYPING } from "./dom";
import { whyNotFind, whyNotVerify } from "./whyPane";

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

export interface Places {
  tests(): void;
  training(): void;
  search(): void;
  note(): void;
  trySet(): void;
  tryRows(): void;
  step(): void;
  decide(decision: Decision | "skip"): void;
  /** One of several classes, by its place. */
  pick(place: number): void;
  /** A matter's choice, by its place. */
  settle(place: number): void;
  /** The text of a suspect. */
  scroll(pages: number): void;
  export(): void;
  full(): void;
  open(panel: Panel): void;
}

/** One handler at the root. A notebook in command mode takes plain letters as commands, so none gets past here. */
export function listenToKeys(root: HTMLElement, { store, actions }: Session, go: Places): void {
  const keys: Record<string, () => void> = {
    "?": () => go.open("help"),
    u: actions.undo,
    U: actions.redo,
    q: () => go.open("queue"),
    h: () => go.open("history"),
    l: () => go.open("rows"),
    o: () => go.open("conflicts"),
    z: go.full,
  };
  const decisions: Record<string, () => void> = {
    r: () => go.decide("relabel"),
    k: () => go.decide("keep"),
    s: () => go.decide("unsure"),
    c: () => go.decide("clear"),
    n: go.note,
  };
  const inQueue: Record<string, () => void> = { ...decisions, j: () => go.decide("skip"), b: actions.back, "/": go.search };
  const scrolling = Object.entries({ ArrowDown: 0.2, ArrowUp: -0.2, PageDown: 0.9, PageUp: -0.9 }).map(([key, pages]) => [key, () => go.scroll(pages)]);
  Object.assign(inQueue, Object.fromEntries(scrolling));
  const numbers = (pick: (place: number) => void) => Object.fromEntries([..."123456789"].map((key, place) => [key, () => pick(place)]));
  const byNumber = numbers(go.pick);
  const inMatters: Record<string, () => void> = { ...numbers(go.settle), j: actions.pass, n: go.note };
  const inRows: Record<string, () => void> = { ...decisions, "/": go.search };
  const inPanes: Record<string, () => void> = {
    ...decisions,
    1: go.tests,
    2: go.training,
    "/": go.search,
    f: () => whyNotFind(store.get()) === "" && actions.find(),
    a: go.trySet,
    t: go.tryRows,
    d: go.step,
    v: () => whyNotVerify(store.get()) === "" && actions.verify(),
    x: go.export,
  };
  const fieldOf = (node: unknown) => (node instanceof HTMLElement && node.matches(TYPING) ? node : null);
  const escape = (field: HTMLElement | null) => {
    const { panel, replacing, onTrial, steps } = store.get();
    if (replacing !== "") actions.keepFile();
    else if (field !== null) {
      const line = field.closest("section")?.querySelector<HTMLElement>("[data-index][tabindex='0'], [data-index] [tabindex='0']");
      (line?.checkVisibility() ? line : root).focus({ preventScroll: true });
    }
    else if (panel !== "none") go.open(panel);
    else if (isWorking(store.get())) actions.cancel();
    else if (onTrial.size > 0) actions.tryLabels(new Map());
    else if (steps !== null) actions.step();
  };
  const press = (key: string): boolean => {
    const name = key.length === 1 && key !== "U" ? key.toLowerCase() : key;
    const { panel } = store.get();
    const inPanels: Partial<Record<Panel, Record<string, () => void>>> = { none: inPanes, queue: { ...inQueue, ...byNumber }, rows: inRows };
    const here = { ...keys, ...(hasMatters(panel) ? inMatters : inPanels[panel]) };
    const act = here[name] ?? (name in inPanes ? () => store.set({ notice: `Close “${TITLES[panel]}” (Esc) to ${name === "x" ? "export" : "go on"}.`, failed: false }) : undefined);
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
