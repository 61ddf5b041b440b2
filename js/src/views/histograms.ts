/** Small histograms of the test rows. A range that is brushed, by the pointer or by its two handles, filters the list. */

import type { Bin, Brush, Histogram } from "../protocol";
import type { Session } from "../session";
import { button, drawn, el, listen, setAttribute, setAttributes, setClass, setText } from "./dom";
import { plural } from "./format";

const SVG = "http://www.w3.org/2000/svg";
const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

type Range = readonly [first: number, last: number];

/** From where the first bin begins to where the last one ends. */
export function rangeWords(bins: readonly Bin[], [first, last]: Range): string {
  const [from, to] = [bins[first]?.from ?? "", bins[last]?.to ?? ""];
  return from === to ? from : `${from} to ${to}`;
}

/** One bar for each bin, as tall as its part of the largest. */
export function outline(counts: readonly number[], largest: number): string {
  return counts.map((rows, i) => (rows > 0 ? `M${i + 0.05} 1h.9V${1 - Math.max(0.04, rows / largest)}h-.9z` : "")).join("");
}

function createHistogram(ask: (range: Range) => void) {
  const svg = document.createElementNS(SVG, "svg");
  setAttributes(svg, { preserveAspectRatio: "none", "aria-hidden": "true" });
  const paths = ["every", "kept"].map((name) => {
    const path = svg.appendChild(document.createElementNS(SVG, "path"));
    setAttribute(path, "class", `rlw-${name}`);
    return path;
  });
  const handles = ["from", "to"].map(() => el("span", "handle", { role: "slider", tabindex: 0, "aria-valuemin": 0 }));
  const brush = el("span", "brush", ...handles);
  const plot = el("div", "plot", brush);
  plot.prepend(svg);
  const words = el("span", "muted");
  const clear = button("×", "quiet small", () => ask([0, number - 1]));
  const node = el("div", "histogram", { role: "group" }, el("div", "histogram-head", words, clear.node), plot);
  let number = 1; // of bins
  let range: Range = [0, 0];
  let anchor = 0;
  const to = (first: number, last: number) => {
    if (first !== range[0] || last !== range[1]) ask([first, last]);
  };
  const drag = ({ clientX }: PointerEvent) => {
    const { left, width } = plot.getBoundingClientRect();
    const bin = Math.min(number - 1, Math.max(0, Math.floor(((clientX - left) / width) * number)));
    return [bin, () => to(Math.min(anchor, bin), Math.max(anchor, bin))] as const;
  };
  listen(plot, "pointerdown", (event) => {
    plot.setPointerCapture(event.pointerId);
    const [bin, move] = drag(event);
    anchor = [range[1], range[0]][handles.indexOf(event.target as HTMLElement)] ?? bin;
    move();
  });
  listen(plot, "pointermove", (event) => {
    if (plot.hasPointerCapture(event.pointerId)) drag(event)[1]();
  });
  listen(plot, "keydown", (event) => {
    const end = handles.indexOf(event.target as HTMLElement);
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const [first, last] = range;
    if (end === 0) to(Math.min(last, Math.max(0, first + step)), last);
    else to(first, Math.max(first, Math.min(number - 1, last + step)));
  });
  return {
    node,
    update({ title, bins, every, kept }: Histogram, brushed: Brush | undefined) {
      number = bins.length;
      range = brushed === undefined ? [0, number - 1] : [brushed.first, brushed.last];
      const [first, last] = range;
      const chosen = kept.map((rows, i) => (i < first || i > last ? 0 : rows));
      const largest = Math.max(...every);
      setAttributes(plot, { "data-from": bins[0]?.from ?? "", "data-to": bins.at(-1)?.to ?? "" });
      setAttribute(svg, "viewBox", `0 0 ${number} 1`);
      [every, chosen].forEach((counts, i) => setAttribute(paths[i] as SVGPathElement, "d", outline(counts, largest)));
      brush.style.left = `${(100 * first) / number}%`;
      brush.style.width = `${(100 * (last + 1 - first)) / number}%`;
      setText(words, brushed === undefined ? title : `${title} ${rangeWords(bins, range)}`);
      setAttribute(node, "aria-label", `${words.textContent}: ${plural(chosen.reduce((sum, rows) => sum + rows, 0), "row")}`);
      setClass(node, "brushed", brushed !== undefined);
      clear.node.hidden = brushed === undefined;
      setAttribute(clear.node, "aria-label", `Remove the brush on ${title}`);
      handles.forEach((handle, i) => {
        const at = range[i] as number;
        const label = `${title}, ${i === 0 ? "from" : "to"}`;
        const words = `${rangeWords(bins, [at, at])}: ${plural(kept[at] ?? 0, "row")}`;
        setAttributes(handle, { "aria-label": label, "aria-valuemax": number - 1, "aria-valuenow": at, "aria-valuetext": words });
      });
    },
  };
}

export function createHistograms({ store, actions }: Session): HTMLElement {
  const node = el("div", "histograms");
  const made: ReturnType<typeof createHistogram>[] = [];
  drawn(store, ({ spread, query }) => {
    node.hidden = spread === null;
    spread?.forEach((histogram, i) => {
      const { of, bins } = histogram;
      const ask = ([first, last]: Range) => {
        const others = store.get().query.brushes.filter((brush) => brush.of !== of);
        actions.ask({ brushes: last - first + 1 < bins.length ? [...others, { of, first, last }] : others });
      };
      const one = (made[i] ??= createHistogram(ask));
      if (!one.node.isConnected) node.append(one.node);
      one.update(histogram, query.brushes.find((brush) => brush.of === of));
    });
  });
  return node;
}
