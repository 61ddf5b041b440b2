import { describe, expect, test, vi } from "vitest";
import { VERSION } from "../src/wire";
import { contract, draw, key, onAPage, settled, state } from "./fixtures";

onAPage();

describe("the page", () => {
  test("has the roles and names that others rely on", () => {
    const { find, button } = draw();
    expect(find("section").getAttribute("aria-label")).toBe("Relabel workbench");
    find("[role=grid][aria-label='Test rows']");
    find("[role=grid][aria-label='Influential training rows']");
    find("[role=status][aria-live=polite]");
    for (const name of ["Find flip set", "Verify by retraining", "Cancel", "Undo", "Redo", "Export labels", "Try this set"]) button(name);
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
    expect(fake.last("decide")).toMatchObject({ rows: [7], decision: "relabel" });
    expect(host.querySelector(".rlw-card .rlw-query")?.textContent).toBe("cold soup, all day");
    expect(host.querySelector(".rlw-chip")?.textContent).toBe("◆ in flip set");
  });

  test("a tick takes a note along as every decision does, and unticking clears the decision", async () => {
    const { fake, find } = draw({ test_row: 3 });
    fake.answers.decide = contract.results.decide;
    await settled();
    const note = find<HTMLInputElement>(".rlw-detail input");
    note.value = "sarcasm";
    note.dispatchEvent(new Event("input"));
    const box = find<HTMLInputElement>("input[aria-label='Relabel row 7']");
    box.click();
    expect(fake.last("decide")).toMatchObject({ rows: [7], decision: "relabel", note: "sarcasm" });
    fake.change({ relabelled: [7] });
    await settled();
    box.click();
    expect(fake.last("decide")).toMatchObject({ rows: [7], decision: "clear", note: "" });
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
    fake.say({ v: VERSION, id: "", kind: "progress", phase: "refit", done: 1, total: 4 });
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
    const search = find<HTMLInputElement>("[aria-label='Search test rows']");
    search.value = "soup";
    search.dispatchEvent(new Event("input"));
    vi.advanceTimersByTime(500);
    vi.useRealTimers();
    const select = find<HTMLSelectElement>("[aria-label='Filter test rows']");
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
    ranking["text"] = ranking["flip"].words = evil;
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

  test("disposing leaves no element, no observer and no listener on what stays", async () => {
    const observed = new Set<Element>();
    vi.stubGlobal("ResizeObserver", class {
      seen: Element[] = [];
      observe(node: Element) { observed.add(node); this.seen.push(node); }
      disconnect() { for (const node of this.seen) observed.delete(node); }
    });
    let target: EventTarget = document.body; // happy-dom's elements have an EventTarget of their own
    while (!Object.hasOwn(target, "addEventListener")) target = Object.getPrototypeOf(target);
    const heard = new Set<EventTarget>();
    const add = vi.spyOn(target, "addEventListener").mockImplementation(function (this: EventTarget) { heard.add(this); });
    const { fake, host, dispose } = draw();
    expect([heard.size > 10, observed.size > 2]).toEqual([true, true]);
    expect([window, document, document.body, host].filter((stays) => heard.has(stays))).toEqual([]);
    await settled();
    dispose();
    expect([observed.size, fake.listeners(), host.children.length]).toEqual([0, 0, 0]);
    add.mockRestore();
  });
});

describe("panels and keys", () => {
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
    const [line] = contract.results.queue["rows"] as object[];
    fake.answers.queue = { total: 2, offset: 0, rows: [9, 10].map((row) => ({ ...line, row, title: `Training row ${row}` })) };
    fake.answers.decide = contract.results.decide;
    key(find("section"), "q");
    await settled();
    expect(find(".rlw-queue-body").textContent).toContain("stale bread");
    key(find("section"), "k");
    expect(fake.last("decide")).toMatchObject({ rows: [9], decision: "keep" });
    expect(find(".rlw-queue-body").textContent).toContain("Training row 9"); // until it is written down
    await settled();
    expect(find(".rlw-queue-body").textContent).toContain("Training row 10");
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

  test("the history shows what was undone", async () => {
    const { fake, find } = draw();
    fake.answers.history = { total: 1, lines: [{ event: 1, time: "2026-01-02T03:04:05+00:00", who: "ada", what: "Relabelled row 7", note: "<b>x</b>", state: "undone", row: 7, text: "cold soup" }] };
    key(find("section"), "h");
    await settled();
    expect(find(".rlw-history-line.rlw-undone").textContent).toContain("Relabelled row 7<b>x</b>ada · event 1, undone");
    expect(find(".rlw-history-line").textContent).toContain("cold soup");
  });

  test("a forecast never speaks of a mark that Python has not counted", async () => {
    const { fake, find } = draw({ test_row: 3, relabelled: [5], _state: state({ verification: null }) });
    const ranking = structuredClone(contract.results.ranking) as Record<string, any>;
    ranking["retrained"] = "";
    fake.answers.ranking = ranking;
    await settled();
    await settled();
    const words = () => find(".rlw-happens .rlw-note-text").textContent;
    expect(words()).toContain("With 1 changed label");
    find<HTMLInputElement>("input[aria-label='Relabel row 7']").click();
    expect(words()).toContain("With 1 changed label");
    fake.reply(fake.last("decide"), { message: "Done.", rows: [7], forecast: { words: "With 2 changed labels." } });
    await settled();
    expect(words()).toBe("With 2 changed labels.");
  });

  test("a found size changes its line", async () => {
    const { fake, find } = draw({ test_row: 3, relabelled: [7] });
    await settled();
    fake.say({ v: VERSION, id: "", kind: "sizes", row: 4, size: { shown: "17", said: "17 rows" }, done: 2, total: 10, words: "Set sizes: 2 of 10" });
    expect(find(".rlw-test-scroll").textContent).toContain("17");
    expect(find(".rlw-tests .rlw-pane-foot").textContent).toContain("Set sizes: 2 of 10");
  });
});
