/** A text with some words highlighted: text nodes and <mark> elements, never HTML. */

import { el } from "./dom";

const WORD = /[\p{L}\p{N}_]+/gu;

interface Token {
  word: string;
  from: number;
  to: number;
}

function tokens(text: string): Token[] {
  return [...text.matchAll(WORD)].map(({ 0: word, index }) => ({ word: word.toLowerCase(), from: index, to: index + word.length }));
}

/** Positions of the words in the text, as [from, to), in order. A word of several parts matches their sequence. */
export function places(text: string, words: readonly string[]): [number, number][] {
  const wanted = new Map<string, string[][]>();
  for (const word of words) {
    const parts = tokens(word).map((token) => token.word);
    const first = parts[0];
    if (first !== undefined) wanted.set(first, [...(wanted.get(first) ?? []), parts]);
  }
  const found = tokens(text);
  const out: [number, number][] = [];
  found.forEach(({ word, from }, i) => {
    for (const parts of wanted.get(word) ?? []) {
      const last = found[i + parts.length - 1];
      if (last !== undefined && parts.every((part, j) => found[i + j]?.word === part)) out.push([from, last.to]);
    }
  });
  return merged(out);
}

function merged(ranges: [number, number][]): [number, number][] {
  const out: [number, number][] = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last !== undefined && from < last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

const shown = new WeakMap<HTMLElement, string>();

/** Whether an element is to show something else than it was told here before. */
export function isNews(node: HTMLElement, ...what: unknown[]): boolean {
  const key = JSON.stringify(what);
  const same = shown.get(node) === key;
  shown.set(node, key);
  return !same;
}

/** Writes only what differs. Words that contribute a small part are marked faintly. */
export function setMarked(node: HTMLElement, text: string, words: readonly string[], parts: readonly number[] = []): void {
  if (!isNews(node, text, words, parts)) return;
  const children: (Node | string)[] = [];
  let at = 0;
  for (const [from, to] of places(text, words)) {
    const word = text.slice(from, to);
    const mark = el("mark", "mark", word);
    const part = parts[words.indexOf(word.toLowerCase())];
    if (part !== undefined) mark.style.setProperty("--rlw-part", String(part / Math.max(...parts)));
    children.push(text.slice(at, from), mark);
    at = to;
  }
  node.replaceChildren(...children.filter((child) => child !== ""), text.slice(at));
}
