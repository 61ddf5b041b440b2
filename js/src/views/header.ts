/** Top line: the data, panels, the threshold, undo and redo. */

import type { Actions, Session } from "../session";
import { hasMatters, type Panel, type View } from "../store";
import { button, drawn, el, field, listen, setAttribute, setClass, setText } from "./dom";
import { count, plural } from "./format";

interface Control {
  node: HTMLElement;
  update(view: Readonly<View>): void;
}

/** Does not overwrite what the user is typing until Python's value matches it or the field loses the focus. */
function thresholdField(actions: Actions): Control {
  const attributes = { type: "number", min: 0.01, max: 0.99, step: 0.01 };
  const input = el("input", "input number", attributes);
  let known = 0.5;
  let typed = false;
  const fit = () => {
    input.style.width = `calc(${Math.max(4, input.value.length)}ch + 36px)`; // 0.9999 cut to 0.999 is another number
  };
  listen(input, "input", () => {
    typed = true;
    fit();
  });
  listen(input, "change", () => {
    const value = input.valueAsNumber;
    if (Number.isFinite(value)) actions.setThreshold(value);
    else input.value = String(known);
  });
  listen(input, "blur", () => {
    typed = false;
    input.value = String(known);
    fit();
  });
  const node = field("Threshold", input);
  return {
    node,
    update({ threshold, shared }) {
      known = threshold;
      typed &&= input.valueAsNumber !== threshold;
      if (!typed) input.value = String(threshold);
      fit();
      node.hidden = shared.classes.length > 2;
    },
  };
}

function history(actions: Actions): Control {
  const undo = button("Undo", "", actions.undo);
  const redo = button("Redo", "", actions.redo);
  return {
    node: el("span", "field", undo.node, redo.node),
    update({ shared }) {
      undo.update(shared.next_undo === "" ? "Nothing to undo" : "", `Takes back ${shared.next_undo}`);
      redo.update(shared.next_redo === "" ? "Nothing to redo" : "", `Brings back ${shared.next_redo}`);
    },
  };
}

export function createHeader({ store, actions }: Session, open: (panel: Panel) => void, full: HTMLElement): HTMLElement {
  const [facts, more] = [el("span", "muted"), el("span", "")];
  const ownWords = el("span", "");
  const own = el("p", "muted own-note", { tabindex: 0 }, ownWords);
  const trialWords = el("span", "");
  const end = button("End trial", "quiet small", () => actions.tryLabels(new Map()));
  const banner = el("p", "trial", trialWords, end.node);
  const controls = [thresholdField(actions), history(actions)];
  const panels: [Panel, string][] = [["queue", "Suspects"], ["history", "History"], ["help", "Keys"]];
  const opener = (panel: Panel, label = "", names = "") => ({ panel, ...button(label, `quiet ${names}`, () => open(panel)) });
  const openers = panels.map(([panel, label]) => opener(panel, label));
  const [conflicts, carried, rows] = [opener("conflicts", "", "small"), opener("carried", "", "small"), opener("rows", "", "leads")];
  facts.append(rows.node, more);
  const name = el("div", "title-line", el("h2", "heading", "Relabel workbench"), conflicts.node);
  const title = el("div", "title", name, facts, banner, carried.node);
  const tools = el("span", "field", ...openers.map(({ node }) => node), full);
  const node = el("header", "header", title, el("div", "controls", ...controls.map((control) => control.node), tools), own);
  drawn(store, (view) => {
    const { n_train, n_test } = view.shared;
    banner.hidden = view.onTrial.size === 0;
    facts.hidden = !banner.hidden;
    setClass(node, "tried", facts.hidden);
    setText(trialWords, `Trial: ${plural(view.onTrial.size, "label")} changed, nothing recorded`);
    setText(rows.node, `${count(n_train)} training rows`);
    setText(more, ` · ${count(n_test)} test rows · ${plural(view.relabelled.size, "label")} changed`);
    own.hidden = view.shared.own_note === "";
    setText(ownWords, view.shared.own_note);
    for (const control of controls) control.update(view);
    for (const { panel, node } of [...openers, conflicts, carried, rows]) {
      setAttribute(node, "aria-expanded", String(view.panel === panel));
      if (!hasMatters(panel)) continue;
      setText(node, view.shared[panel]);
      node.hidden = view.shared[panel] === "";
    }
  });
  return node;
}
