/** Left pane: search, filter and the list of test rows. */

import type { Pages } from "../pages";
import { FILTERS, type Filter } from "../protocol";
import type { Actions } from "../session";
import type { Store, View } from "../store";
import { el, setAttribute, setText, uniqueId, type Scope } from "./dom";
import { count } from "./format";
import { createTestGrid } from "./testGrid";

const WAIT = 200; // ms after the last keystroke

function filterLabel(filter: Filter, [first, second]: readonly [string, string]): string {
  const labels: Record<Filter, string> = {
    all: "All rows",
    misclassified: "Misclassified",
    near: "Near the threshold",
    has_set: "With a flip set",
    flipped: "Flipped by retraining",
    class0: `Predicted “${first}”`,
    class1: `Predicted “${second}”`,
  };
  return labels[filter];
}

export function createTestPane(scope: Scope, store: Store<View>, pages: Pages, actions: Actions): HTMLElement {
  const search = el("input", "input", { type: "search", placeholder: "Search texts", "aria-label": "Search test rows" });
  const select = el("select", "input", { "aria-label": "Filter test rows" });
  const options = FILTERS.map((filter) => {
    const option = el("option", "", { value: filter });
    select.append(option);
    return { filter, option };
  });
  const shown = el("span", "muted");
  const id = uniqueId("tests");
  const title = el("h3", "heading", { id }, "Test rows");
  const node = el(
    "section",
    "pane tests",
    { "aria-labelledby": id },
    el("div", "pane-head", {}, title, shown),
    el("div", "tools", {}, search, select),
    createTestGrid(scope, store, pages, actions),
  );

  let timer = 0;
  scope.listen(search, "input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => actions.ask({ search: search.value }), WAIT);
  });
  scope.add(() => clearTimeout(timer));
  scope.listen(select, "change", () => {
    const filter = FILTERS.find((known) => known === select.value);
    if (filter !== undefined) actions.ask({ filter });
  });

  function draw() {
    const { shared } = store.get();
    for (const { filter, option } of options) {
      setText(option, filterLabel(filter, shared.classes));
      setAttribute(option, "disabled", filter === "misclassified" && !shared.labelled);
    }
    const total = pages.total();
    setText(shown, total === undefined || total === shared.nTest ? count(shared.nTest) : `${count(total)} of ${count(shared.nTest)}`);
  }
  scope.add(store.subscribe(draw));
  scope.add(pages.subscribe(draw));
  draw();
  return node;
}
