/** What just happened, in words; while a job runs, its progress and a button to cancel it. */

import type { Progress } from "../protocol";
import { SILENCE, type Session } from "../session";
import { isWorking } from "../store";
import { button, drawn, el, setAttribute, setClass, setText } from "./dom";
import { count } from "./format";

const WELCOME = "Pick a test row to see what decides it.";

/** The remaining time in words, once there is enough progress to estimate it. */
export function remaining(done: number, total: number, elapsed: number): string {
  if (done <= 0 || elapsed < 1_000) return "";
  const left = Math.ceil((elapsed / done) * (total - done) / 1_000);
  return left < 90 ? `, ${left} s left` : `, ${Math.ceil(left / 60)} min left`;
}

/** What runs, how far it is and for how long. */
export function workWords(progress: Progress | null, running: number, inPhase: number): string {
  if (progress === null) return `Working, ${Math.round(running / 1_000)} s`;
  const { phase, done, total } = progress;
  const of = total === null ? "" : `/${count(total)}`;
  return `${phase} ${count(done)}${of}, ${Math.round(running / 1_000)} s${total === null ? "" : remaining(done, total, inPhase)}`;
}

export function createStatusBar({ store, actions, atEnd }: Session): HTMLElement {
  const status = el("p", "status", { role: "status", "aria-live": "polite" });
  const fill = el("span", "progress-fill");
  const track = el("div", "progress", { role: "progressbar", "aria-label": "Running job", "aria-valuemin": 0 }, fill);
  const phase = el("span", "muted phase", { "aria-hidden": "true" });
  const cancel = button("Cancel", "", actions.cancel);
  const job = el("div", "job", phase, track);
  const node = el("div", "status-bar", status, job, cancel.node);

  let began = 0;
  let clock = 0;

  function draw() {
    const { progress, notice, failed, silent, since, testRow, panel } = store.get();
    const busy = isWorking(store.get());
    if (busy !== (clock !== 0)) {
      began = Date.now();
      clearInterval(clock);
      clock = busy ? window.setInterval(draw, 1_000) : 0;
    }
    const chosen = testRow === null ? WELCOME : `Test row ${testRow} is chosen.`;
    setText(status, silent ? SILENCE : notice || (panel === "none" ? chosen : ""));
    setClass(status, "failed", failed || silent);
    cancel.update(busy ? "" : "Nothing is running");
    setClass(job, "off", !busy);
    track.hidden = !busy;
    const total = progress?.total ?? null;
    const known = busy && progress !== null && total !== null && total > 0;
    setClass(track, "unknown", busy && !known);
    setAttribute(track, "aria-valuemax", known ? total : false);
    setAttribute(track, "aria-valuenow", known ? Math.min(progress.done, total) : false);
    const words = workWords(progress, Date.now() - began, Date.now() - since);
    setAttribute(track, "aria-valuetext", words);
    setText(phase, busy ? words : "");
    fill.style.width = known ? `${(100 * Math.min(progress.done, total)) / total}%` : "";
  }
  drawn(store, draw);
  atEnd(() => clearInterval(clock));
  return node;
}
