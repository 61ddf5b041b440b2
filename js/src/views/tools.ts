/** What stands above a list: a field to search it, and a choice of filters. */

import { el, type Scope } from "./dom";

const WAIT = 200; // ms after the last keystroke

export function createTools(
  scope: Scope,
  what: string,
  placeholder: string,
  filters: readonly (readonly [value: string, words: string])[],
  onSearch: (text: string) => void,
  onFilter: (place: number) => void,
) {
  const search = el("input", "input", { type: "search", placeholder, "aria-label": `Search ${what}` });
  const select = el("select", "input", { "aria-label": `Filter ${what}` }, ...filters.map(([value, words]) => el("option", "", { value }, words)));
  let timer = 0;
  scope.listen(search, "input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => onSearch(search.value), WAIT);
  });
  scope.add(() => clearTimeout(timer));
  scope.listen(select, "change", () => onFilter(select.selectedIndex));
  return { node: el("div", "tools", search, select), search, select };
}
