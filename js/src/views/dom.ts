/** Small tools for building and updating elements. Text enters the page through `textContent` only. */

import type { Store, View } from "../store";
import { count } from "./format";

/** What listens at an element of ours goes with it. */
export function listen<K extends keyof HTMLElementEventMap>(target: HTMLElement, type: K, handler: (event: HTMLElementEventMap[K]) => void): void {
  target.addEventListener(type, handler);
}

type Attributes = Record<string, string | number | boolean>;

/** `names` are class names without their common prefix; attributes may be omitted. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  names: string,
  ...rest: (Node | string | Attributes)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = names.replace(/\S+/g, "rlw-$&");
  for (const part of rest) {
    if (typeof part === "string" || part instanceof Node) node.append(part);
    else setAttributes(node, part);
  }
  return node;
}

/** Writes only what differs, so that screen readers announce only real changes. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** False removes the attribute, true sets it to an empty string. */
export function setAttribute(node: Element, name: string, value: string | number | boolean): void {
  if (value === false) node.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

export function setAttributes(node: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
}

export function setClass(node: Element, name: string, on: boolean): void {
  node.classList.toggle(`rlw-${name}`, on);
}

export interface Button {
  node: HTMLButtonElement;
  /** An empty reason means that the button is enabled; then a hint may say what it does. */
  update(reason: string, hint?: string): void;
}

/**
 * A disabled button stays focusable and says why in its title: with the `disabled` attribute the keyboard focus
 * would leave the widget whenever a job starts.
 */
export function button(label: string, names: string, onClick: () => void): Button {
  const node = el("button", `button ${names}`, { type: "button" }, label);
  let blocked = "";
  listen(node, "click", () => {
    if (blocked === "") onClick();
  });
  return {
    node,
    update(reason, hint = "") {
      blocked = reason;
      setAttribute(node, "aria-disabled", reason === "" ? false : "true");
      setAttribute(node, "title", reason || hint || false);
    },
  };
}

/** Draws now, and again whenever what is drawn has changed. */
export function drawn(store: Store<View>, draw: (view: Readonly<View>) => void): void {
  store.subscribe(draw);
  draw(store.get());
}

function inSight(node: HTMLElement): boolean {
  const { left, width, top, bottom } = node.getBoundingClientRect();
  const page = node.getRootNode() as Document | ShadowRoot;
  return [top + 1, bottom - 1].every((y) => node.contains(page.elementFromPoint(left + width / 2, y)));
}

/**
 * Keeps keys from the surrounding page: when the focused element is removed or hidden, the root takes the focus. The
 * focused element carries the attribute that Jupyter Notebook looks for (on it and its ancestors) before the key
 * reaches any handler of ours.
 */
export function keepFocus(root: HTMLElement, store: Store<View>): void {
  let held: Element | null = null;
  const look = () => {
    if (held === null || held.checkVisibility()) return;
    held = null;
    const tab = root.querySelector<HTMLElement>("[role=tab][tabindex='0']");
    (tab?.checkVisibility() ? tab : root).focus({ preventScroll: true });
  };
  listen(root, "focusin", ({ target }) => {
    held = target instanceof Element ? target : null;
    held?.setAttribute("data-lm-suppress-shortcuts", "true");
  });
  listen(root, "focusout", ({ relatedTarget }) => {
    if (relatedTarget !== null || held?.checkVisibility()) held = null;
    else look();
  });
  store.subscribe(look);
}

/** Whether one of these is visible; if none is, scrolls the first into view, as far as it fits. */
export function seen(...nodes: [HTMLElement, ...HTMLElement[]]): boolean {
  if (!nodes[0].checkVisibility()) return false;
  if (nodes.some(inSight)) return true;
  const before = nodes[0].getBoundingClientRect().top;
  nodes[0].scrollIntoView({ block: "nearest", behavior: "instant" });
  return Math.abs(nodes[0].getBoundingClientRect().top - before) < 1;
}

export const TYPING = "input:not([type=checkbox]), select, textarea";

/** Enter and Space act on the focused element only while the rows they decide about are visible. */
export function actInSight(node: HTMLElement, isSeen: () => boolean): void {
  listen(node, "keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    if (event.target instanceof Element && !event.target.matches(TYPING) && !isSeen()) event.preventDefault();
  });
}

let counter = 0;
const HERE = Math.random().toString(36).slice(2, 10); // each widget of a notebook loads these lines anew

/** The focused element in a node's root. The document sees only the host of a shadow root, which marimo uses. */
export function focused(node: Node): Element | null {
  return (node.getRootNode() as Partial<DocumentOrShadowRoot>).activeElement ?? null;
}

const TERMS = {
  "Flip set": "The fewest training labels found whose change, with retraining, flips this prediction.",
  Margin: "How far the log-odds are from the flip: from the threshold, or, of several classes, from the rival's.",
  shares: "Each row's part of the verified flip; all add up to 100%. Before: how far it alone is predicted to go.",
};

/** A term of art, explained on hover and focus. */
export function term(word: keyof typeof TERMS): HTMLElement {
  const id = uniqueId("term");
  const tip = el("span", "tip", { role: "tooltip", id }, TERMS[word]);
  return el("span", "term", el("button", "", { type: "button", "aria-describedby": id }, word), tip);
}

/** Arrow keys, Home and End move the focus within a row of which one element has the tab stop. */
export function roving(node: HTMLElement, items: readonly HTMLElement[], go: (to: number) => void): void {
  listen(node, "keydown", (event) => {
    const at = items.indexOf(event.target as HTMLElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: items.length - 1 }[event.key] ?? -1;
    if (at < 0 || items[to] === undefined) return;
    event.preventDefault();
    go(to);
    items[to].focus();
  });
}

/** A section that is named by its heading, which stands in one of its parts. */
export function section(names: string, heading: HTMLElement, ...parts: HTMLElement[]): HTMLElement {
  heading.id = uniqueId("heading");
  return el("section", names, { "aria-labelledby": heading.id }, ...parts);
}

/** A choice of one of some options, each with a value and its words. */
export function choice(label: string, options: readonly (readonly [value: string | number, words: string])[], onChange: (value: string) => void, names = "input"): HTMLSelectElement {
  const node = el("select", names, { "aria-label": label }, ...options.map(([value, words]) => el("option", "", { value }, words)));
  listen(node, "change", () => onChange(node.value));
  return node;
}

/** Some items of a list, and how many there are besides. */
export function showSome(list: HTMLElement, items: HTMLElement[], total: number, rest = "more"): void {
  const more = total - items.length;
  list.replaceChildren(...items, ...(more > 0 ? [el("li", "muted", `and ${count(more)} ${rest}`)] : []));
}

/** A field with its label. */
export function field(label: string, input: HTMLElement, names = "label"): HTMLElement {
  input.id = uniqueId("field");
  return el("span", "field", el("label", names, { for: input.id }, label), input);
}

const TYPED = 200; // ms after the last keystroke

export function searchField(label: string, take: (words: string) => void): HTMLInputElement {
  const node = el("input", "input", { type: "search", placeholder: "Search texts", "aria-label": label });
  let timer = 0;
  listen(node, "input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => take(node.value), TYPED);
  });
  return node;
}

/** An element id that is unique in the page, even with several widgets. */
export function uniqueId(name: string): string {
  counter += 1;
  return `rlw-${HERE}-${name}-${counter}`;
}
