/** What just happened, in words; while a job runs, how far it is and the way to stop it. */

import type { Actions } from "../session";
import type { Store, View } from "../store";
import { button, el, setAttribute, setClass, setText, type Scope } from "./dom";
import { count } from "./format";

const WELCOME = "Pick a test row to see which training rows decide its prediction.";

export function createStatusBar(scope: Scope, store: Store<View>, actions: Actions): HTMLElement {
  const status = el("p", "status", { role: "status", "aria-live": "polite" });
  const fill = el("span", "progress-fill");
  const track = el("div", "progress", { role: "progressbar", "aria-label": "Running job", "aria-valuemin": 0 }, fill);
  const phase = el("span", "muted phase", { "aria-hidden": "true" });
  const cancel = button(scope, "Cancel", "", actions.cancel);
  const job = el("div", "job", {}, phase, track);
  const node = el("div", "status-bar", {}, status, job, cancel.node);

  function draw() {
    const { busy, progress, notice, failed } = store.get();
    setText(status, notice || WELCOME);
    setClass(status, "failed", failed);
    cancel.update(busy ? "" : "Nothing is running");
    setClass(job, "off", !busy);
    track.hidden = !busy;
    const total = progress?.total ?? null;
    const known = busy && progress !== null && total !== null && total > 0;
    setClass(track, "unknown", busy && !known);
    setAttribute(track, "aria-valuemax", known ? total : false);
    setAttribute(track, "aria-valuenow", known ? Math.min(progress.done, total) : false);
    const words = progress === null ? "Working" : `${progress.phase}${known ? ` ${count(progress.done)}/${count(total)}` : ""}`;
    setAttribute(track, "aria-valuetext", words);
    setText(phase, busy ? words : "");
    fill.style.width = known ? `${(100 * Math.min(progress.done, total)) / total}%` : "";
  }
  scope.add(store.subscribe(draw));
  draw();
  return node;
}
