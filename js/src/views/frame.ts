/** The frame: its height, the whole screen, and tabs where there is room for one pane at a time. */

import type { Session } from "../session";
import type { PaneName } from "../store";
import { button, type Button, drawn, el, listen, roving, setAttribute, setClass, setText, uniqueId } from "./dom";

const [LEAST, MOST, STEP] = [360, 2000, 20];

/** The lower edge, to drag or to move by the arrow keys. */
export function createEdge({ store, actions }: Session, root: HTMLElement): HTMLElement {
  const role = { role: "separator", tabindex: 0, "aria-orientation": "horizontal", "aria-label": "Height of the workbench" };
  const node = el("div", "edge", { ...role, "aria-valuemin": LEAST, "aria-valuemax": MOST });
  const resize = (height: number) => actions.resize(Math.min(MOST, Math.max(LEAST, Math.round(height))));
  let grip = 0;
  listen(node, "pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    grip = event.clientY - store.get().height;
  });
  listen(node, "pointermove", ({ pointerId, clientY }) => {
    if (node.hasPointerCapture(pointerId)) resize(clientY - grip);
  });
  listen(node, "keydown", (event) => {
    const step = { ArrowUp: -STEP, ArrowDown: STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    resize(store.get().height + step);
  });
  drawn(store, ({ height }) => {
    setAttribute(node, "aria-valuenow", height);
    root.style.setProperty("--rlw-height", `${height}px`);
  });
  return node;
}

/** To the whole screen and back; no button where the page may not do it. */
export function createFullScreen(root: HTMLElement): Button {
  const isFull = () => root.matches(":fullscreen");
  const full = button("Full screen", "quiet", () => {
    void (isFull() ? document.exitFullscreen() : root.requestFullscreen()).catch(() => {});
  });
  full.node.hidden = !document.fullscreenEnabled;
  listen(root, "fullscreenchange", () => setText(full.node, isFull() ? "Leave full screen" : "Full screen"));
  return full;
}

/** Seen in a narrow frame only. */
export function createTabs({ store, actions }: Session, panes: Record<PaneName, HTMLElement>): HTMLElement {
  const names: [PaneName, string][] = [["tests", "Test rows"], ["why", "Why"], ["happens", "Effect"]];
  const node = el("div", "tabs", { role: "tablist", "aria-label": "Panes" });
  const tabs = names.map(([name, label]) => {
    panes[name].id = uniqueId(name);
    const tab = el("button", "tab", { type: "button", role: "tab", "aria-controls": panes[name].id }, label);
    listen(tab, "click", () => actions.show(name));
    node.append(tab);
    return { name, tab };
  });
  roving(node, tabs.map(({ tab }) => tab), (to) => tabs[to]?.tab.click());
  drawn(store, ({ pane }) => {
    for (const { name, tab } of tabs) {
      const on = name === pane;
      setAttribute(tab, "aria-selected", String(on));
      setAttribute(tab, "tabindex", on ? 0 : -1);
      setClass(panes[name], "current", on);
    }
  });
  return node;
}
