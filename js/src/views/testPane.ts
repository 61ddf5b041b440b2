/** Left pane: search, filter and the list of test rows. */

import { FILTERS, type Filter } from "../wire";
import type { Session } from "../session";
import { button, el, searchField, setAttribute, setText, uniqueId, type Scope } from "./dom";
import { count } from "./format";
import { createTestGrid } from "./testGrid";

const LABELS: Record<Filter, string> = {
  all: "All rows",
  misclassified: "Misclassified",
  near: "Near the threshold",
  small: "Small flip set (3 or fewer)",
  has_set: "With a flip set",
  flipped: "Flipped by retraining",
  became_right: "Right after retraining",
  became_wrong: "Wrong after retraining",
};

export interface TestPane {
  node: HTMLElement;
  focus(): void;
  search(): void;
}

export function createTestPane(scope: Scope, session: Session): TestPane {
  const { store, pages, actions } = session;
  const search = searchField(scope, "Search test rows", (words) => actions.ask({ search: words }));
  const select = el("select", "input", { "aria-label": "Filter test rows" });
  const options = FILTERS.map((filter) => {
    const option = el("option", "", { value: filter }, LABELS[filter]);
    select.append(option);
    return { filter, option };
  });
  const classOptions: HTMLOptionElement[] = [];
  const classOption = (place: number) => (classOptions[place] ??= select.appendChild(el("option", "", { value: String(place) })));
  const { meta } = store.get().shared;
  const orders = ["Sort by…", ...meta.flatMap((name) => [`${name} ▴`, `${name} ▾`])];
  const by = el("select", "input", { "aria-label": "Sort by metadata" }, ...orders.map((words) => el("option", "", words)));
  by.hidden = meta.length === 0;
  if (!by.hidden) search.placeholder += `, or ${meta[0]}=…`;
  const shown = el("span", "muted");
  const id = uniqueId("tests");
  const grid = createTestGrid(scope, session);
  const filled = el("span", "muted");
  const pause = button(scope, "Pause", "quiet small", () => actions.setFilling(!store.get().filling));
  const title = el("h3", "heading", { id }, "Test rows");
  const node = el(
    "section",
    "pane tests",
    { "aria-labelledby": id },
    el("div", "pane-head", title, shown),
    el("div", "tools", search, select, by),
    grid.node,
    el("div", "pane-foot", filled, pause.node),
  );

  scope.listen(select, "change", () => {
    const filter = FILTERS.find((known) => known === select.value);
    const predicted = filter === undefined ? (store.get().shared.classes[Number(select.value)] ?? null) : null;
    actions.ask({ filter: filter ?? "all", predicted });
  });

  scope.listen(by, "change", () => {
    const at = by.selectedIndex + 1;
    actions.ask({ meta: meta[(at >> 1) - 1] ?? null, descending: at % 2 === 1 && at > 1 });
  });

  function draw() {
    const { shared, query, filled: sizes, filling } = store.get();
    for (const { filter, option } of options) {
      setAttribute(option, "disabled", filter === "misclassified" && !shared.labelled);
    }
    shared.classes.forEach((name, place) => setText(classOption(place), `Predicted “${name}”`));
    if (query.meta === null) by.selectedIndex = 0;
    const total = pages.total();
    setText(shown, total === undefined || total === shared.nTest ? count(shared.nTest) : `${count(total)} of ${count(shared.nTest)}`);
    const done = sizes === null ? "" : `Set sizes: ${count(sizes.done)} of ${count(sizes.total)}`;
    setText(filled, done + (sizes !== null && sizes.done < sizes.total && !filling ? ", paused" : ""));
    setText(pause.node, filling ? "Pause" : "Resume");
    setAttribute(pause.node, "aria-label", `${filling ? "Pause" : "Resume"}: set sizes`);
    pause.node.hidden = sizes === null || sizes.done >= sizes.total;
  }
  scope.add(store.subscribe(draw));
  scope.add(pages.subscribe(draw));
  draw();
  return { node, focus: grid.focus, search: () => search.focus() };
}
