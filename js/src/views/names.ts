/** Class names: shortened in the middle where there is no room, whole on hover and to screen readers. */

import { el, setAttribute, setText } from "./dom";

const TAIL = 6;

export interface Name {
  node: HTMLElement;
  set(name: string): void;
}

/** Isolated, or else a name from right to left would turn what stands around it. */
export function createName(names = ""): Name {
  const [head, tail] = [el("span", "name-head"), el("span", "name-tail")];
  const node = el("bdi", `name ${names}`, head, tail);
  return {
    node,
    set(name) {
      const letters = [...name];
      const at = letters.length > 2 * TAIL ? letters.length - TAIL : letters.length;
      setText(head, letters.slice(0, at).join(""));
      setText(tail, letters.slice(at).join(""));
      setAttribute(node, "title", name);
    },
  };
}

const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufefc]/;

const isolated = (name: string): string => (FROM_RIGHT.test(name) ? `\u2068${name}\u2069` : name);

/** A name within a sentence. */
export const quoted = (name: string): string => `“${isolated(name)}”`;

export const relabelAs = (label: string): string => `Relabel as ${isolated(label)} (R)`;
export const keepAs = (label: string): string => `Keep ${isolated(label)} (K)`;
