import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import widget from "../src/index";
import { createBar } from "../src/views/bar";
import { createScope } from "../src/views/dom";
import { percent, plural, proba, signed } from "../src/views/format";
import { moved } from "../src/views/keys";
import { flipWords, forecastWords } from "../src/views/outcome";
import { contract, FakeModel, settled, state } from "./fixtures";

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

function draw(traits: Partial<FakeModel["traits"]> = {}) {
  const fake = new FakeModel();
  Object.assign(fake.traits, traits);
  const done = { message: "Done." };
  fake.answers = { page: contract.results.page, ranking: contract.results.ranking, select: done, mark: done };
  const host = document.createElement("div");
  document.body.append(host);
  const dispose = widget.render({ model: fake.model, el: host });
  const find = <T extends Element = HTMLElement>(selector: string): T => {
    const node = host.querySelector<T>(selector);
    if (node === null) throw new Error(`nothing fits ${selector}`);
    return node;
  };
  const button = (name: string) => {
    const node = [...host.querySelectorAll("button")].find((one) => one.textContent === name);
    if (node === undefined) throw new Error(`no button ${name}`);
    return node;
  };
  return { fake, host, dispose, find, button };
}

describe("numbers and sentences", () => {
  test("probabilities never round to certainty", () => {
    expect([0, 0.0004, 0.5, 0.9996, 1].map(proba)).toEqual(["0.000", "<0.001", "0.500", ">0.999", "1.000"]);
  });
  test("signs are printed", () => {
    expect([0.512, -0.512, 1.234, -12.34, 0, 0.00012].map(signed)).toEqual([
      "+0.512", "−0.512", "+1.23", "−12.3", "0", "+1.2e−4",
    ]);
  });
  test("counts", () => {
    expect([plural(1, "row"), plural(2, "row"), plural(6920, "row"), percent(0.8286)]).toEqual(["1 row", "2 rows", "6,920 rows", "82.9%"]);
  });

  const flip = {
    size: 3, found: true, verified: true, outcome: "Found.", probaBefore: 0.6, probaAfter: 0.4, lowerBound: 2, optimal: false, rows: [1, 2, 3],
  };
  test("facts are told from predictions", () => {
    expect(flipWords(flip)).toEqual(["fact", expect.stringContaining("0.600 → 0.400. No set of fewer than 2 rows")]);
    expect(flipWords({ ...flip, lowerBound: 1 })[1]).toContain("none is ruled out");
    expect(flipWords({ ...flip, optimal: true })[1]).toContain("No smaller set can flip it.");
    expect(flipWords({ ...flip, verified: false, probaAfter: null })).toEqual(["guess", expect.stringContaining("is predicted to flip")]);
    expect(flipWords({ ...flip, found: false, outcome: "Cannot flip." })).toEqual(["open", "Cannot flip."]);
  });
  test("a forecast says that it is one", () => {
    const words = forecastWords({ logOdds: -0.8, proba: 0.42, predicted: "bad" }, 1, "good");
    expect(words).toContain("to first order: log-odds −0.800, probability about 0.420, so it becomes “bad”. Verify to know.");
    expect(forecastWords({ logOdds: 0.1, proba: 0.7, predicted: "good" }, 2, "good")).toContain("stays “good”");
  });
});

test("keys move within the list and stop at its ends", () => {
  const at = (key: string, index: number) => moved(key, index, 100, 10);
  expect([at("ArrowDown", 0), at("ArrowUp", 0), at("PageDown", 95), at("PageUp", 15), at("Home", 50), at("End", 0)]).toEqual([1, 0, 99, 5, 0, 99]);
  expect([at("a", 5), moved("End", 0, 0, 10)]).toEqual([undefined, undefined]);
});

test("bars tell the direction by side, pattern and sign", () => {
  const bar = createBar();
  const fill = bar.node.querySelector<HTMLElement>(".rlw-bar-fill");
  bar.update(-0.5, 1, true);
  expect([fill?.style.left, fill?.style.width, bar.node.textContent]).toEqual(["25%", "25%", "−0.500"]);
  expect(fill?.classList.contains("rlw-against")).toBe(false);
  bar.update(1, 1, false);
  expect([fill?.style.left, fill?.style.width, bar.node.textContent]).toEqual(["50%", "50%", "+1.00"]);
  expect(fill?.classList.contains("rlw-against")).toBe(true);
});

describe("the page", () => {
  test("has the roles and names that others rely on", () => {
    const { find, button } = draw();
    expect(find("section").getAttribute("aria-label")).toBe("Relabel workbench");
    find("[role=grid][aria-label='Test rows']");
    find("[role=grid][aria-label='Influential training rows']");
    find("[role=status][aria-live=polite]");
    for (const name of ["Find flip set", "Verify by retraining", "Cancel", "Undo", "Redo", "Export labels", "Mark whole flip set"]) button(name);
  });

  test("a picked row brings its ranking, with checkboxes by row number", async () => {
    const { fake, find, host } = draw();
    await settled();
    find(".rlw-test-row").click();
    await settled();
    expect(fake.last("select")).toMatchObject({ row: 3 });
    const box = find<HTMLInputElement>("input[aria-label='Relabel row 7']");
    expect(box.checked).toBe(false);
    box.click();
    expect(fake.last("mark")).toMatchObject({ rows: [7], marked: true });
    expect(host.querySelector(".rlw-query")?.textContent).toBe("cold soup, all day");
    expect(host.querySelector(".rlw-chip")?.textContent).toBe("in flip set");
  });

  test("buttons that cannot be used say why and do nothing", () => {
    const { fake, button } = draw();
    const find = button("Find flip set");
    expect([find.getAttribute("aria-disabled"), find.title, find.disabled]).toEqual(["true", "Pick a test row first", false]);
    find.click();
    button("Redo").click();
    expect(fake.sent.map(({ kind }) => kind)).toEqual(["page"]);
    expect(button("Undo").hasAttribute("aria-disabled")).toBe(false);
  });

  test("while a job runs only Cancel can be used", () => {
    const { fake, button, find } = draw({ test_row: 3 });
    fake.change({ busy: true });
    fake.say({ v: 1, id: "", kind: "progress", phase: "refit", done: 1, total: 4 });
    expect(find("[role=progressbar]").getAttribute("aria-valuenow")).toBe("1");
    for (const name of ["Find flip set", "Verify by retraining", "Undo", "Redo", "Export labels"]) {
      expect(button(name).title).toBe("Wait for the running job");
    }
    button("Cancel").click();
    expect(fake.last("cancel")).toBeTruthy();
    fake.change({ busy: false });
    expect(find("[role=progressbar]").hidden).toBe(true);
  });

  test("search, filter, sort, threshold and file name are asked for as given", async () => {
    vi.useFakeTimers();
    const { fake, find, button } = draw();
    const search = find<HTMLInputElement>("input[type=search]");
    search.value = "soup";
    search.dispatchEvent(new Event("input"));
    vi.advanceTimersByTime(500);
    vi.useRealTimers();
    const select = find<HTMLSelectElement>("select");
    select.value = "near";
    select.dispatchEvent(new Event("change"));
    button("Prob.").click();
    expect(fake.last("page")).toMatchObject({ search: "soup", filter: "near", sort: "proba", descending: false });
    button("Prob.▴").click();
    expect(fake.last("page")).toMatchObject({ sort: "proba", descending: true });
    const threshold = find<HTMLInputElement>("input[type=number]");
    threshold.value = "0.4";
    threshold.dispatchEvent(new Event("change"));
    expect(fake.last("threshold")).toMatchObject({ value: 0.4 });
    button("Export labels").click();
    expect(fake.last("export")).toMatchObject({ path: "corrected_labels.csv" });
  });

  test("texts are never markup", async () => {
    const evil = "<img src=x onerror=alert(1)>";
    const { fake, host } = draw({ test_row: 3 });
    const ranking = structuredClone(contract.results.ranking) as Record<string, any>;
    for (const key of ["text", "id", "original", "current"]) ranking["rows"][0][key] = evil;
    ranking["text"] = ranking["summary"].label = ranking["flip"].outcome = evil;
    fake.answers.ranking = ranking;
    fake.change({ _state: state({ revision: 9, classes: [evil, evil], status: evil, export_path: evil }) });
    await settled();
    expect(host.querySelector("img")).toBeNull();
    expect(host.textContent).toContain(evil);
  });

  test("keys stay inside", () => {
    const { find } = draw();
    const leaked = vi.fn();
    document.addEventListener("keydown", leaked);
    find("[role=status]").dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
    document.removeEventListener("keydown", leaked);
    expect(leaked).not.toHaveBeenCalled();
  });

  test("disposing leaves no element and no listener behind", async () => {
    let open = 0;
    let target: EventTarget = document.body; // happy-dom's elements have an EventTarget of their own
    while (!Object.hasOwn(target, "addEventListener")) target = Object.getPrototypeOf(target);
    const add = vi.spyOn(target, "addEventListener").mockImplementation(() => void (open += 1));
    const remove = vi.spyOn(target, "removeEventListener").mockImplementation(() => void (open -= 1));
    const { fake, host, dispose } = draw();
    expect(open).toBeGreaterThan(10);
    await settled();
    dispose();
    expect([open, fake.listeners(), host.children.length]).toEqual([0, 0, 0]);
    add.mockRestore();
    remove.mockRestore();
  });
});

test("a scope undoes in reverse order, once", () => {
  const scope = createScope();
  const order: number[] = [];
  scope.add(() => order.push(1));
  scope.add(() => order.push(2));
  scope.dispose();
  scope.dispose();
  expect(order).toEqual([2, 1]);
});
