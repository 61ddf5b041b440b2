/** The list of ranked training rows. */

import type { Session } from "../session";
import { drawn, el } from "./dom";
import { createName } from "./names";
import { createTrainList } from "./trainList";

const HEADINGS: [heading: string, title: string][] = [["#", "Rank"], ["Mark", ""], ["Training row", ""], ["Label", ""]];
const MEANING = "First-order change of the log-odds if the label is changed. Hatched bars oppose the flip.";

export interface TrainGrid {
  node: HTMLElement;
  focus(): void;
  /** To the first lines, where the flip set is. */
  top(): void;
  /** The line that keys act on. */
  line(): HTMLElement;
}

export function createTrainGrid(session: Session): TrainGrid {
  const { store, bars } = session;
  const headings = HEADINGS.map(([words, title]) => el("div", "cell", { role: "columnheader", title }, words));
  const ends = [createName(), createName()] as const;
  headings.push(el("div", "cell ends", { role: "columnheader", title: MEANING, "aria-label": "Influence" }, "←", ends[0].node, "·", ends[1].node, "→"));
  const head = el("div", "row head train-head", { role: "row", "aria-rowindex": 1 }, ...headings);
  const heads = el("div", "heads", { role: "rowgroup" }, head);
  const { list, follow, focus, line } = createTrainList(session, bars, "Influential training rows", heads);
  const { node } = list;
  node.classList.add("rlw-train-grid");
  let shownFor: number | null = null;
  let shownActive: number | null = null;

  function draw() {
    const { testRow, rankingState, ranking, target, shared, active } = store.get();
    const several = shared.classes.length > 2;
    ends[0].set(several ? (target ?? ranking?.rival ?? "") : shared.classes[0]);
    ends[1].set(several ? (ranking?.predicted ?? "") : shared.classes[1]);
    headings[4]?.classList.toggle("rlw-off", several && ranking === null);
    if (testRow !== shownFor) {
      shownFor = testRow;
      list.reset();
    }
    const isBusy = rankingState === "loading";
    list.draw(isBusy ? "Ranking…" : "Pick a test row to rank them.", isBusy);
    if (active === shownActive) return;
    shownActive = active;
    follow(true);
  }

  bars.subscribe(() => {
    draw();
    follow();
  });
  drawn(store, draw);
  return { node, focus, top: () => list.reveal(0), line };
}
