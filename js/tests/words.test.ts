import { describe, expect, test } from "vitest";
import { createBar } from "../src/views/bar";
import { plural } from "../src/views/format";
import { moved } from "../src/views/keys";
import { remaining } from "../src/views/statusBar";
import { places, setMarked } from "../src/views/marks";
import { subjects } from "../src/views/detail";
import { nextStep, whyNotFind } from "../src/views/whyPane";

test("counts", () => {
  expect([plural(1, "row"), plural(2, "row"), plural(6920, "row")]).toEqual(["1 row", "2 rows", "6,920 rows"]);
});

test("keys move within the list and stop at its ends", () => {
  const at = (key: string, index: number) => moved(key, index, 100, 10);
  expect([at("ArrowDown", 0), at("ArrowUp", 0), at("PageDown", 95), at("PageUp", 15), at("Home", 50), at("End", 0)]).toEqual([1, 0, 99, 5, 0, 99]);
  expect([at("a", 5), moved("End", 0, 0, 10)]).toEqual([undefined, undefined]);
});

test("bars tell the direction by side, pattern and sign", () => {
  const bar = createBar();
  const fill = bar.node.querySelector<HTMLElement>(".rlw-bar-fill");
  bar.update(-0.5, "−0.500", 1, true);
  expect([fill?.style.left, fill?.style.width, bar.node.textContent]).toEqual(["25%", "25%", "−0.500"]);
  expect(fill?.classList.contains("rlw-against")).toBe(false);
  bar.update(1, "+1.00", 1, false);
  expect([fill?.style.left, fill?.style.width, bar.node.textContent]).toEqual(["50%", "50%", "+1.00"]);
  expect(fill?.classList.contains("rlw-against")).toBe(true);
});

describe("words in common", () => {
  test("are found as whole words, whatever their case, and n-grams as sequences", () => {
    const cut = (text: string, words: string[]) => places(text, words).map(([from, to]) => text.slice(from, to));
    expect(cut("Cold soup. COLD, colder", ["cold"])).toEqual(["Cold", "COLD"]);
    expect(cut("not very good, very good", ["very good", "good"])).toEqual(["very good", "very good"]);
    expect(cut("naïve café", ["café", "naïve"])).toEqual(["naïve", "café"]);
    expect(cut("a+b", ["(", "", "+"])).toEqual([]);
  });
  test("are marked as elements, never as markup", () => {
    const node = document.createElement("p");
    setMarked(node, "<b>soup</b> & soup", ["soup", "b"]);
    expect(node.textContent).toBe("<b>soup</b> & soup");
    expect([...node.querySelectorAll("*")].map(({ tagName, textContent }) => [tagName, textContent])).toEqual([
      ["MARK", "b"], ["MARK", "soup"], ["MARK", "b"], ["MARK", "soup"],
    ]);
  });
});

describe("what comes next, and what it is about", () => {
  test("time that remains is told once there is something to go by", () => {
    expect([remaining(0, 10, 5000), remaining(5, 10, 500), remaining(5, 10, 5000), remaining(1, 100, 5000)]).toEqual(["", "", ", 5 s left", ", 9 min left"]);
  });
  test("decisions are about the chosen rows, else the one in focus", () => {
    expect(subjects({ selection: new Set([4, 5]), active: 9 })).toEqual([4, 5]);
    expect(subjects({ selection: new Set(), active: 9 })).toEqual([9]);
    expect(subjects({ selection: new Set(), active: null })).toEqual([]);
  });
  test("a search for another row may take over, nothing else", () => {
    const base = { busy: true, testRow: 3, shared: { job: { kind: "find", row: 2 } } };
    const why = (changes: object) => whyNotFind({ ...base, ...changes } as unknown as Parameters<typeof whyNotFind>[0]);
    expect(why({})).toBe("");
    expect(why({ testRow: 2 })).toBe("Wait for the running job");
    expect(why({ shared: { job: { kind: "verify", row: null } } })).toBe("Wait for the running job");
    expect(why({ testRow: null })).toBe("Pick a test row first");
  });
  test("labels are tried and verified before anybody decides about them", () => {
    const none = { ranking: null, target: null, onTrial: new Map(), steps: null, relabelled: new Set(), shared: { verification: null } };
    const next = (changes: object) => nextStep({ ...none, ...changes } as unknown as Parameters<typeof nextStep>[0]);
    const flip = { found: true, open: [2], target: null };
    const ranking = { flip };
    const decided = { ranking: { flip: { ...flip, open: [] } }, relabelled: new Set([1]) };
    const verified = { shared: { verification: {} } };
    expect(next({})).toBe("find");
    expect(next({ relabelled: new Set([1]) })).toBe("find");
    expect(next({ ranking, target: "bad" })).toBe("find");
    expect(next({ ranking })).toBe("try");
    expect(next({ ranking, onTrial: new Map([[1, "bad"]]) })).toBe("verify");
    expect(next({ ranking, onTrial: new Map([[1, "bad"]]), ...verified })).toBe("step");
    expect(next({ ranking, steps: [1] })).toBe("none");
    expect(next(decided)).toBe("verify");
    expect(next({ ...decided, ...verified })).toBe("none");
  });
});
