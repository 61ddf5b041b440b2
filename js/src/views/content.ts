/** A row as people know it: its text, an image, or its values by name; small in a line of a list, or in full. */

import type { Content } from "../protocol";
import { el, setClass } from "./dom";
import { isNews, setMarked } from "./marks";

/** What every row that travels has. */
export interface Shown {
  text: string;
  content: Content | null;
}

function pairs([, ...lines]: readonly (readonly string[])[]): HTMLElement {
  const pair = ([name = "", value = "", beside = "same"]: readonly string[]) =>
    el("span", beside === "same" ? "pair" : "pair differs", el("bdi", "muted", name), " ", el("bdi", "", value), " ");
  return el("span", "", ...lines.map(pair));
}

function table({ lines, about }: Content): HTMLElement {
  const rows = lines.map((line, i) => el("tr", "", ...line.map((one, j) => el(i * j > 0 ? "td" : "th", "", one))));
  return el("table", "cells", { title: about }, ...rows);
}

/**
 * Draws a row into an element, as `setText` writes a text; without a row it says that one is awaited. The words are
 * highlighted in a text, more or less by their parts.
 */
export function setContent(node: HTMLElement, row: Shown | undefined, words: readonly string[] = [], small = false, parts?: readonly number[]): void {
  const content = row?.content ?? null;
  if (row !== undefined) setClass(node, "drawn", content !== null); // while one is awaited its room stays
  if (content === null) return setMarked(node, row?.text ?? "Loading…", words, parts);
  if (!isNews(node, content)) return;
  const { image, coarse, lines } = content;
  const picture = () => el("img", coarse ? "picture coarse" : "picture", { alt: row?.text ?? "", src: `data:image/png;base64,${image}` });
  node.replaceChildren(image !== "" ? picture() : small ? pairs(lines) : table(content));
}
