import { afterEach, describe, expect, test } from "vitest";
import { outline, rangeWords } from "../src/views/histograms";
import { workWords } from "../src/views/statusBar";
import { contract, draw, key, onAPage, settled } from "./fixtures";

onAPage();
let done = () => {};
afterEach(() => done());

async function unfolded() {
  const one = draw();
  done = one.dispose;
  one.fake.answers["spread"] = contract.results.spread;
  one.button("Histograms").click();
  await settled();
  return one;
}

describe("histograms", () => {
  test("a range goes from the beginning of its first bin to the end of its last", () => {
    const bins = [{ from: "0.0", to: "0.5" }, { from: "0.5", to: "1.0" }, { from: "1.0", to: "1.5" }];
    expect(rangeWords(bins, [0, 2])).toBe("0.0 to 1.5");
    expect(rangeWords(bins, [1, 1])).toBe("0.5 to 1.0");
    const classes = ["to be", "not to be"].map((name) => ({ from: name, to: name }));
    expect(rangeWords(classes, [0, 1])).toBe("to be to not to be");
    expect(rangeWords(classes, [1, 1])).toBe("not to be");
  });

  test("a bar is as tall as its part of the largest, and none stands for nothing", () => {
    expect(outline([4, 0, 2], 4)).toBe("M0.05 1h.9V0h-.9zM2.05 1h.9V0.5h-.9z");
  });

  test("one row is no rows", async () => {
    const one = draw();
    done = one.dispose;
    const bins = ["a", "b"].map((name) => ({ from: name, to: name }));
    one.fake.answers["spread"] = { histograms: [{ of: "predicted", title: "Predicted", bins, every: [1, 0], kept: [1, 0] }] };
    one.button("Histograms").click();
    await settled();
    const said = (name: string) => one.find(`[aria-label="${name}"]`).getAttribute("aria-valuetext");
    expect([said("Predicted, from"), said("Predicted, to")]).toEqual(["a: 1 row", "b: 0 rows"]);
    expect(one.find('[aria-label="Predicted: 1 row"]')).toBeTruthy();
  });

  test("the handles brush, other brushes stay, and the whole range is no brush", async () => {
    const { fake, find, host } = await unfolded();
    const handle = (name: string) => find(`[aria-label="${name}"]`);
    key(handle("Margin, from"), "ArrowRight");
    expect(fake.last("page")).toMatchObject({ brushes: [{ of: "margin", first: 1, last: 2 }] });
    expect(handle("Margin, from").getAttribute("aria-valuetext")).toBe("0 to 1: 0 rows");
    key(handle("Predicted, to"), "Home");
    expect(fake.last("page")["brushes"]).toHaveLength(2);
    key(handle("Margin, from"), "Home");
    expect(fake.last("page")).toMatchObject({ brushes: [{ of: "predicted", first: 0, last: 0 }] });
    expect(fake.last("spread")["brushes"]).toEqual(fake.last("page")["brushes"]);
    expect(host.querySelectorAll(".rlw-brushed")).toHaveLength(1);
  });

  test("nothing is asked for while they are folded", async () => {
    const { fake, button } = await unfolded();
    button("Histograms").click();
    const before = fake.sent.filter(({ kind }) => kind === "spread").length;
    button("Prob.").click();
    expect(fake.sent.filter(({ kind }) => kind === "spread")).toHaveLength(before);
  });
});

test("what runs, how far, for how long", () => {
  expect(workWords(null, 4_200, 0)).toBe("Working, 4 s");
  expect(workWords({ phase: "refitting", done: 34, total: null }, 11_000, 9_000)).toBe("refitting 34, 11 s");
  expect(workWords({ phase: "looking", done: 1, total: 4 }, 6_000, 3_000)).toBe("looking 1/4, 6 s, 9 s left");
});
