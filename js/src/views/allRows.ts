/** The panel with all training rows: search, filter, and the list beside the row that keys act on. */

import type { Session } from "../session";
import type { TrainFilter } from "../protocol";
import { createDetail } from "./detail";
import { actInSight, drawn, el, listen, seen, setText } from "./dom";
import { decisionKeys } from "./keys";
import { createTools } from "./tools";
import { createTrainList } from "./trainList";

const LABELS: Record<TrainFilter, string> = {
  all: "All rows",
  suspect: "Suspect, the worst first",
  relabelled: "Changed",
  kept: "Kept",
  unsure: "Unsure",
  noted: "With a note",
  mine: "Decided by me",
  contradicted: "Same text, other label",
};

export function createAllRows(session: Session) {
  const { store, lines, actions } = session;
  const { node: tools, search, select } = createTools("training rows",
    Object.entries(LABELS),
    (text) => actions.askRows({ search: text }),
    (value) => actions.askRows({ filter: value as TrainFilter }),
  );
  search.placeholder = "Search, or go to a row or id";
  const counts = el("p", "muted");
  const { list, follow, focus, place, line } = createTrainList(session, lines, "All training rows");
  const detail = createDetail(session, () => true);
  const isSeen = () => seen(line(), detail.node);
  actInSight(detail.node, isSeen);
  tools.append(counts);
  const node = el("div", "all", tools, list.node, detail.node);
  let asked = 0;
  let placed = false; // the list stands where it was asked to begin

  function draw() {
    const { panel, trainQuery, decided, active, shared } = store.get();
    if (panel !== "rows") return;
    if (trainQuery.asked !== asked) {
      asked = trainQuery.asked;
      placed = false;
      list.reset();
      select.value = trainQuery.filter;
      search.value = trainQuery.search;
    }
    const total = lines.total();
    list.draw(total === 0 ? "No training rows match." : "Loading…");
    setText(counts, decided);
    if (!placed && total) {
      placed = true;
      place(total === shared.n_train ? (active ?? 0) : 0);
    }
    follow();
  }
  listen(search, "keydown", ({ key }) => {
    if (key === "Enter") focus();
  });
  lines.subscribe(draw);
  drawn(store, draw);
  return {
    node,
    keys: { ...decisionKeys((decision) => isSeen() && detail.decide(decision)), n: detail.note, "/": () => search.focus() },
    focus,
  };
}
