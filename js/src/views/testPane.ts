/** Left pane: search, filter and the list of test rows. */

import type { Filter } from "../protocol";
import type { Session } from "../session";
import { button, choice, el, section, setAttribute, setText } from "./dom";
import { count } from "./format";
import { createHistograms } from "./histograms";
import { createTestGrid } from "./testGrid";
import { createTools } from "./tools";

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

export function createTestPane(session: Session): TestPane {
  const { store, pages, actions } = session;
  const { classes, meta } = store.get().shared;
  const { node: tools, search, select } = createTools("test rows",
    [...Object.entries(LABELS), ...classes.map((name, i): [string, string] => [String(i), `Predicted “${name}”`])],
    (text) => actions.ask({ search: text }),
    (value) => actions.ask({ filter: value in LABELS ? (value as Filter) : "all", predicted: classes[Number(value)] ?? null }),
  );
  const orders = ["Sort by…", ...meta.flatMap((name) => [`${name} ▴`, `${name} ▾`])];
  const by = choice("Sort by metadata", orders.map((words, i) => [i, words] as const), (value) => {
    const at = Number(value) + 1;
    actions.ask({ meta: meta[(at >> 1) - 1] ?? null, descending: at % 2 === 1 && at > 1 });
  });
  by.hidden = meta.length === 0;
  if (!by.hidden) search.placeholder += `, or ${meta[0]}=…`;
  tools.append(by);
  const shown = el("span", "muted");
  const grid = createTestGrid(session);
  const filled = el("span", "muted");
  const pause = button("Pause", "quiet small", () => actions.setFilling(!store.get().filling));
  const fold = button("", "quiet small", () => actions.unfold(store.get().spread === null));
  const title = el("h3", "heading", "Test rows");
  const node = section(
    "pane tests",
    title,
    el("div", "pane-head", title, shown, fold.node),
    tools,
    createHistograms(session),
    grid.node,
    el("div", "pane-foot", filled, pause.node),
  );

  function draw() {
    const { shared, filled: sizes, filling, spread, query } = store.get();
    setText(fold.node, `Histograms${query.brushes.length > 0 ? ` (${query.brushes.length})` : ""}`);
    setAttribute(fold.node, "aria-expanded", String(spread !== null));
    setAttribute(select.querySelector("[value=misclassified]") as Element, "disabled", !shared.labelled);
    if (query.meta === null) by.selectedIndex = 0;
    const total = pages.total();
    setText(shown, total === undefined || total === shared.n_test ? count(shared.n_test) : `${count(total)} of ${count(shared.n_test)}`);
    setText(filled, sizes?.words ?? "");
    setText(pause.node, filling ? "Pause" : "Resume");
    setAttribute(pause.node, "aria-label", `${filling ? "Pause" : "Resume"}: set sizes`);
    pause.node.hidden = sizes === null || sizes.done >= sizes.total;
  }
  store.subscribe(draw);
  pages.subscribe(draw);
  draw();
  return { node, focus: grid.focus, search: () => search.focus() };
}
