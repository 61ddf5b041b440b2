/** What stands above a list: a field to search it, and a choice of filters. */

import { choice, el, searchField } from "./dom";

export function createTools(
  what: string,
  filters: readonly [value: string, words: string][],
  onSearch: (text: string) => void,
  onFilter: (value: string) => void,
) {
  const search = searchField(`Search ${what}`, onSearch);
  const select = choice(`Filter ${what}`, filters, onFilter);
  return { node: el("div", "tools", search, select), search, select };
}
