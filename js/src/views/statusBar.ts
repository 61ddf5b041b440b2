/** What just happened, in words; while a job runs, its progress and a button to cancel it. */

import { SILENCE, type Session } from "../session";
import { button, drawn, el, setAttribute, setClass, setText, type Scope } from "./dom";
import { count } from "./format";

const WELCOME = "Pick a test row to see what decides it.";

/** The remaining time in words, once there is enough progress to estimate it. */
export function remaining(done: number, total: number, elapsed: number): string {
  if (done <= 0 || elapsed < 1_000) return "";
  const left = Math.ceil((elapsed / done) * (total - done) / 1_000);
  return left < 90 ? `, ${left} s left` : `, ${Math.ceil(left / 60)} min left`;
}

export function createStatusBar(scope: Scope, { store, actions }: Session): HTMLElement {
  const status = el("p", "status", { role: "status", "aria-live": "polite" });
  const fill = el("span", "progress-fill");
  const track = el("div", "progress", { role: "progressbar", "aria-label": "Running job", "aria-valuemin": 0 }, fill);
  const phase = el("span", "muted phase", { "aria-hidden": "true" });
  const cancel = button(scope, "Cancel", "", actions.cancel);
  const job = el("div", "job", phase, track);
  const node = el("div", "status-bar", status, job, cancel.node);

  function draw() {
    const { busy, progress, notice, failed, silent, since, testRow } = store.get();
    setText(status, silent ? SILENCE : notice || (testRow === null ? WELCOME : `Test row ${testRow} is chosen.`));
    setClass(status, "failed", failed || silent);
    cancel.update(busy ? "" : "Nothing is running");
    setClass(job, "off", !busy);
    track.hidden = !busy;
    const total = progress?.total ?? null;
    const known = busy && progress !== null && total !== null && total > 0;
    setClass(track, "unknown", busy && !known);
    setAttribute(track, "aria-valuemax", known ? total : false);
    setAttribute(track, "aria-valuenow", known ? Math.min(progress.done, total) : false);
    const words = progress === null ? "Working" : `${progress.phase}${known ? ` ${count(progress.done)}/${count(total)}${remaining(progress.done, total, Date.now() - since)}` : ""}`;
    setAttribute(track, "aria-valuetext", words);
    setText(phase, busy ? words : "");
    fill.style.width = known ? `${(100 * Math.min(progress.done, total)) / total}%` : "";
  }
  drawn(scope, store, draw);
  return node;
}
