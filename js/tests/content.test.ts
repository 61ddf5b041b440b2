import { describe, expect, test } from "vitest";
import { setContent } from "../src/views/content";
import { contract, draw, onAPage, settled, state } from "./fixtures";

onAPage();

const EVIL = "<img src=x onerror=alert(1)>";
const table = (...lines: string[][]) => ({ image: "", coarse: false, lines, about: "" });

describe("a row is drawn as what it is", () => {
  test("a table whole, and its values in a line", () => {
    const row = { text: "age=34", content: table(["Name", "Value", "Test row"], [EVIL, "34", "51"], ["job", "nurse", "same"], ["and 2 more"]) };
    const [whole, line] = [document.createElement("div"), document.createElement("span")];
    setContent(whole, row);
    setContent(line, row, [], true);
    const cells = [...whole.querySelectorAll("tr")].map((one) => [...one.children].map((cell) => `${cell.tagName} ${cell.textContent}`));
    expect(cells).toEqual([
      ["TH Name", "TH Value", "TH Test row"],
      [`TH ${EVIL}`, "TD 34", "TD 51"],
      ["TH job", "TD nurse", "TD same"],
      ["TH and 2 more"],
    ]);
    expect(line.textContent).toBe(`${EVIL} 34 job nurse and 2 more  `);
    expect(line.querySelectorAll(".rlw-differs")).toHaveLength(1);
    expect([whole, line].map((node) => node.querySelector("img"))).toEqual([null, null]);
  });

  test("an image, with its text for those who do not see it", () => {
    const node = document.createElement("div");
    setContent(node, { text: EVIL, content: { image: "iVBORw0KGgo=", coarse: true, lines: [], about: "" } });
    const image = node.querySelector("img");
    expect([image?.alt, image?.src, image?.className]).toEqual([EVIL, "data:image/png;base64,iVBORw0KGgo=", "rlw-picture rlw-coarse"]);
    expect(node.className).toBe("rlw-drawn");
    setContent(node, undefined);
    expect([node.textContent, node.className]).toEqual(["Loading…", "rlw-drawn"]);
    setContent(node, { text: "a text", content: null }, ["text"]);
    expect([node.innerHTML, node.className]).toEqual(['a <mark class="rlw-mark">text</mark>', ""]);
  });

  test("what is drawn already stays, so that nothing flickers", () => {
    const node = document.createElement("div");
    const row = () => ({ text: "x", content: table(["Name", "Value"], ["a", "1"]) });
    setContent(node, row());
    const first = node.firstChild;
    setContent(node, row());
    expect(node.firstChild).toBe(first);
  });

  test("words fade by what they contribute", () => {
    const node = document.createElement("div");
    setContent(node, { text: "the Broken bed", content: null }, ["broken", "the"], false, [0.8, 0.2]);
    const parts = [...node.querySelectorAll("mark")].map((mark) => [mark.textContent, mark.style.getPropertyValue("--rlw-part")]);
    expect(parts).toEqual([["the", "0.25"], ["Broken", "1"]]);
  });
});

test("one label goes to all equal rows, with a note that says so", async () => {
  const { fake, find, button } = draw({ test_row: 3 });
  fake.answers = { ...fake.answers, words: contract.results.words, decide: contract.results.decide };
  await settled();
  await settled();
  expect(find(".rlw-same").textContent).toContain("Row 9 is equal, and labelled “bad”.");
  expect(find(".rlw-detail .rlw-meta").textContent).toBe("source: web · year: 2021");
  button("All 2 equal rows: bad").click();
  expect(fake.last("decide")).toMatchObject({ rows: [7, 9], decision: "relabel", labels: ["bad", "bad"], note: "equal texts" });
  const note = find<HTMLInputElement>(".rlw-detail input");
  note.value = "sarcasm";
  note.dispatchEvent(new Event("input"));
  button("All 2 equal rows: good").click();
  expect(fake.last("decide")).toMatchObject({ labels: ["good", "good"], note: "sarcasm" });
});

test("test rows are sorted by metadata, until a column is asked for", async () => {
  const { fake, find, host } = draw({ _state: state({ meta: ["source", "year"] }) });
  await settled();
  const by = find<HTMLSelectElement>("[aria-label='Sort by metadata']");
  const options = [...by.options].map((one) => one.text);
  expect(options).toEqual(["Sort by…", "source ▴", "source ▾", "year ▴", "year ▾"]);
  const pick = (index: number) => {
    by.selectedIndex = index;
    by.dispatchEvent(new Event("change", { bubbles: true }));
    return fake.last("page");
  };
  expect([1, 2, 3, 4, 0].map(pick).map(({ meta, descending }) => [meta, descending])).toEqual([
    ["source", false], ["source", true], ["year", false], ["year", true], [null, false],
  ]);
  pick(4);
  await settled();
  expect(host.querySelector("[aria-sort$=ending]")).toBeNull();
  const sort = [...host.querySelectorAll<HTMLElement>(".rlw-sort")].find((one) => one.textContent === "Row");
  sort?.click();
  expect(fake.last("page")).toMatchObject({ sort: "row", meta: null, descending: false });
  expect(by.selectedIndex).toBe(0);
});

test("without metadata there is nothing to sort by", () => {
  const { find } = draw({ _state: state({ meta: [] }) });
  expect(find("[aria-label='Sort by metadata']").hidden).toBe(true);
  expect(find<HTMLInputElement>("input[type=search]").placeholder).toBe("Search texts");
});
