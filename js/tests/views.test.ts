import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import widget from "../src/index";
import { createBar } from "../src/views/bar";
import { createScope } from "../src/views/dom";
import { percent, plural, proba, signed } from "../src/views/format";
import { moved } from "../src/views/keys";
import { flipWords, forecastWords } from "../src/views/outcome";
import { remaining } from "../src/views/statusBar";
import { trend } from "../src/views/happensPane";
import { places, setMarked } from "../src/views/marks";
import { subjects } from "../src/views/detail";
import { createVirtual } from "../src/views/virtual";
import { nextStep, whyNotFind } from "../src/views/whyPane";
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
    const words = forecastWords({ labels: 1, logOdds: -0.8, proba: 0.42, predicted: "bad" }, "good");
    expect(words).toContain("to first order: log-odds −0.800, probability about 0.420, so it becomes “bad”. Verify to know.");
    expect(forecastWords({ labels: 2, logOdds: 0.1, proba: 0.7, predicted: "good" }, "good")).toContain("stays “good”");
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
    expect(host.querySelector(".rlw-card .rlw-query")?.textContent).toBe("cold soup, all day");
    expect(host.querySelector(".rlw-chip")?.textContent).toBe("◆ in flip set");
  });

  test("buttons that cannot be used say why and do nothing", () => {
    const { fake, button } = draw();
    const find = button("Find flip set");
    expect([find.getAttribute("aria-disabled"), find.title, find.disabled]).toEqual(["true", "Pick a test row first", false]);
    find.click();
    button("Redo").click();
    expect(fake.sent.map(({ kind }) => kind).sort()).toEqual(["flips", "page"]);
    expect(button("Undo").hasAttribute("aria-disabled")).toBe(false);
  });

  test("while a job runs it can be stopped, and rows be marked, but nothing long be begun", () => {
    const { fake, button, find } = draw({ test_row: 3 });
    fake.change({ busy: true, _state: state({ job: { kind: "find", row: 3 } }) });
    fake.say({ v: 1, id: "", kind: "progress", phase: "refit", done: 1, total: 4 });
    expect(find("[role=progressbar]").getAttribute("aria-valuenow")).toBe("1");
    for (const name of ["Find flip set", "Verify by retraining", "Export labels"]) {
      expect(button(name).title).toBe("Wait for the running job");
    }
    button("Cancel").click();
    expect(fake.last("cancel")).toBeTruthy();
    fake.change({ busy: false });
    expect(find("[role=progressbar]").hidden).toBe(true);
  });

  test("what is being typed is not written over, and what was taken does not hide a later value", () => {
    const { fake, find } = draw();
    const threshold = find<HTMLInputElement>("input[type=number]");
    const type = (value: string) => {
      threshold.value = value;
      threshold.dispatchEvent(new Event("input"));
    };
    type("0.4");
    fake.change({ threshold: 0.6 });
    expect(threshold.value).toBe("0.4");
    fake.change({ threshold: 0.4 });
    fake.change({ threshold: 0.7 }); // another window
    expect(threshold.value).toBe("0.7");
    type("2");
    threshold.dispatchEvent(new Event("blur"));
    expect(threshold.value).toBe("0.7");
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
    for (const key of ["text", "id", "original", "current"]) ranking["bars"].rows[0][key] = evil;
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

describe("a list of any length", () => {
  function list(total: number) {
    const scope = createScope();
    const instead = document.createElement("p");
    const onRange = vi.fn();
    const one = createVirtual(scope, {
      names: "x", rowHeight: 50, spare: 2, instead, total: () => total, onRange,
      create: () => { const node = document.createElement("div"); return { node, target: node }; },
      update(line, index) { line.node.textContent = String(index); },
    });
    Object.defineProperty(one.body, "clientHeight", { value: 500 });
    document.body.append(one.body, instead);
    one.draw();
    return { one, scope, onRange, instead, spacer: one.body.firstElementChild as HTMLElement, resize: (to: number) => { total = to; one.draw(); } };
  }
  test("draws the lines in sight, in order, and a few more", () => {
    const { one, spacer } = list(100_000);
    expect([...spacer.children].map((node) => node.textContent)).toEqual(Array.from({ length: 13 }, (_, i) => String(i)));
    one.focus(99_999);
    expect(one.range()[1]).toBe(99_999);
    expect(one.lines.size).toBeLessThan(20);
    expect(document.activeElement?.textContent).toBe("99999");
  });
  test("a list taller than a browser can draw is reached to its end", () => {
    const { one, spacer } = list(10_000_000);
    expect(spacer.style.height).toBe("8000000px");
    one.focus(9_999_999);
    expect(one.range()[1]).toBe(9_999_999);
    one.focus(5_000_000);
    const [first, last] = one.range();
    expect(first <= 5_000_000 && 5_000_000 <= last).toBe(true);
    const place = Number(/translateY\((.*)px\)/.exec(one.lines.get(5_000_000)?.node.style.transform ?? "")?.[1]);
    expect(place - one.body.scrollTop).toBeGreaterThanOrEqual(-1);
    expect(place - one.body.scrollTop).toBeLessThanOrEqual(451);
  });
  test("keys move the focus, and the line with the focus stays when it is scrolled away", () => {
    const { one } = list(1000);
    one.focus(3);
    expect(one.onKey(new KeyboardEvent("keydown", { key: "ArrowDown" }))).toBe(true);
    expect(one.active()).toBe(4);
    expect(one.onKey(new KeyboardEvent("keydown", { key: "ArrowDown", ctrlKey: true }))).toBe(false);
    one.body.scrollTop = 20_000;
    one.body.dispatchEvent(new Event("scroll"));
    expect(one.lines.has(4)).toBe(true);
    expect(document.activeElement?.textContent).toBe("4");
  });
  test.each(["page", "shadow root"])("the focus is not lost with its line, in a %s", (where) => {
    const { one, instead, resize } = list(100);
    const root = where === "page" ? document : document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" });
    if (root instanceof ShadowRoot) root.append(one.body, instead);
    resize(100);
    expect(root.activeElement === instead || one.body.contains(root.activeElement)).toBe(false); // it takes nobody's focus
    one.focus(50);
    resize(20);
    expect(root.activeElement?.textContent).toBe("19");
    resize(0);
    expect(root.activeElement).toBe(instead);
    resize(5);
    expect(root.activeElement?.textContent).toBe("0");
  });
});

describe("what comes next, and what it is about", () => {
  test("time that remains is told once there is something to go by", () => {
    expect([remaining(0, 10, 5000), remaining(5, 10, 500), remaining(5, 10, 5000), remaining(1, 100, 5000)]).toEqual(["", "", ", 5 s left", ", 9 min left"]);
  });
  test("better and worse have a sign and a word", () => {
    expect([trend(0.8, 0.9, "up"), trend(0.4, 0.5, "down"), trend(0.5, 0.5, "up")]).toEqual([
      ["▲", "better", "better"], ["▼", "worse", "worse"], ["=", "", "as before"],
    ]);
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
    expect(nextStep({ ranking: null } as unknown as Parameters<typeof nextStep>[0])).toBe("find");
  });
});

describe("panels and keys", () => {
  const key = (node: Element, name: string, options: object = {}) =>
    node.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...options }));

  test("? shows the keys and Escape closes them", () => {
    const { find } = draw();
    key(find("section"), "?");
    expect(find(".rlw-panel").hidden).toBe(false);
    expect(find(".rlw-keys").textContent).toContain("Verify by retraining");
    key(find("section"), "Escape");
    expect(find(".rlw-panel").hidden).toBe(true);
  });

  test("the queue decides with one key each and goes on", async () => {
    const { fake, find } = draw();
    fake.answers.queue = { rows: [contract.results.queue["rows"], contract.results.queue["rows"]].flat().map((one: any, i) => ({ ...one, row: 9 + i })) };
    fake.answers.decide = contract.results.decide;
    key(find("section"), "q");
    await settled();
    expect(find(".rlw-queue-body").textContent).toContain("stale bread");
    key(find("section"), "k");
    expect(fake.last("decide")).toMatchObject({ rows: [9], decision: "keep" });
    expect(find(".rlw-queue-body").textContent).toContain("2 of 2");
    key(find("section"), "j");
    expect(find(".rlw-queue-body").hidden).toBe(true);
  });

  test("letters typed into a field are no commands", () => {
    const { fake, find } = draw({ test_row: 3 });
    const before = fake.sent.length;
    key(find("input[type=search]"), "f");
    key(find("input[type=search]"), "u");
    expect(fake.sent.length).toBe(before);
    key(find("section"), "u");
    expect(fake.last("undo")).toBeTruthy();
    key(find("section"), "u", { ctrlKey: true });
    expect(fake.sent.filter(({ kind }) => kind === "undo").length).toBe(1);
  });

  test("the history shows what was taken back", async () => {
    const { fake, find } = draw();
    fake.answers.history = { total: 1, lines: [{ event: 1, time: "2026-01-02T03:04:05+00:00", who: "ada", what: "Relabelled row 7", note: "<b>x</b>", state: "undone" }] };
    key(find("section"), "h");
    await settled();
    expect(find(".rlw-history-line.rlw-undone").textContent).toContain("Relabelled row 7<b>x</b>ada · taken back");
  });

  test("a forecast never speaks of a mark that Python has not counted", async () => {
    const { fake, find } = draw({ test_row: 3, relabelled: [5], _state: state({ verification: null }) });
    const ranking = structuredClone(contract.results.ranking) as Record<string, any>;
    ranking["summary"].flipped = ranking["summary"].verified_proba = ranking["verified_predicted"] = null;
    fake.answers.ranking = ranking;
    delete fake.answers.mark;
    await settled();
    await settled();
    const words = () => find(".rlw-happens .rlw-note-text").textContent;
    expect(words()).toContain("With the 1 label changed now");
    find<HTMLInputElement>("input[aria-label='Relabel row 7']").click();
    expect(words()).toContain("With the 1 label changed now");
    fake.reply(fake.last("mark"), { message: "Done.", forecast: { labels: 2, log_odds: -1.5, proba: 0.2, predicted: "bad" } });
    await settled();
    expect(words()).toContain("With the 2 labels changed now, to first order: log-odds −1.50");
  });

  test("a found size changes its line, and a forecast comes with the mark", async () => {
    const { fake, find } = draw({ test_row: 3, relabelled: [7] });
    fake.answers.mark = contract.results.mark;
    await settled();
    fake.say({ v: 1, id: "", kind: "sizes", row: 4, size: 17, done: 2, total: 10, running: true });
    expect(find(".rlw-test-scroll").textContent).toContain("17");
    expect(find(".rlw-pane-foot").textContent).toContain("Set sizes: 2 of 10");
  });
});
