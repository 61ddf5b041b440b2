/** What stands above a list: a field to search it, and a choice of filters. */

import { el, listen, searchField } from "./dom";

export function createTools(
  what: string,
  filters: readonly [value: string, words: string][],
  onSearch: (text: string) => void,
  onFilter: (value: string) => void,
) {
  const search = searchField(`Search ${what}`, onSearch);
  const select = el("select", "input", { "aria-label": `Filter ${what}` }, ...filters.map(([value, words]) => el("option", "", { value }, words)));
  listen(select, "change", () => onFilter(select.value));
  return { node: el("div", "tools", search, select), search, select };
}
