/** Conflicts and what did not carry over: the one in front stays there, and the next follows at once. */

import { describe, expect, test } from "vitest";
import { contract, draw, key, onAPage, settled, state } from "./fixtures";

onAPage();

let revision = 100;

const [example] = contract.results.conflicts["matters"] as object[];
const conflicts = (...rows: number[]) => ({
  about: "Anybody may.",
  matters: rows.map((row) => ({ ...example, row, title: `Training row ${row}` })),
});

/** The panel is open on these rows; decisions wait for an answer. */
async function open(...rows: number[]) {
  const page = draw({ test_row: 3 });
  page.fake.answers.conflicts = conflicts(...rows);
  const root = page.find("section");
  key(root, "o");
  await settled();
  const titles = () => [...page.host.querySelectorAll(".rlw-matters .rlw-card h4")].map((one) => one.textContent);
  const news = async (...rows: number[]) => {
    page.fake.answers.conflicts = conflicts(...rows);
    page.fake.change({ _state: state({ revision: (revision += 1) }) });
    await settled();
  };
  return { ...page, root, titles, news };
}

describe("conflicts", () => {
  test("nothing is shown without any", () => {
    const { fake, host } = draw({ _state: state({ conflicts: "", carried: "" }) });
    const shown = () => [...host.querySelectorAll<HTMLElement>(".rlw-title button")].filter((one) => !one.hidden).map((one) => one.textContent);
    expect(shown()).toEqual([]);
    fake.change({ _state: state({ conflicts: "2 conflicts", carried: "1 decision did not carry over" }) });
    expect(shown()).toEqual(["2 conflicts", "1 decision did not carry over"]);
  });

  test("texts, names and notes are no markup", async () => {
    const page = await open(7);
    const evil = "<img src=x>";
    const [one] = conflicts(8).matters as any;
    page.fake.answers.conflicts = { about: evil, matters: [{ ...one, text: evil, said: [{ ...one.said[0], who: evil, note: evil, what: evil }] }] };
    page.fake.change({ _state: state({ revision: 99 }) });
    await settled();
    expect(page.host.querySelector("img")).toBeNull();
    expect(page.find(".rlw-matters bdi").textContent).toBe(evil);
    expect(page.find(".rlw-matter-text").getAttribute("dir")).toBe("auto");
  });

  test("numbers decide the first one by its choices, and the next follows before Python has answered", async () => {
    const { fake, root, titles } = await open(7, 8, 9);
    key(root, "2");
    expect(fake.last("decide")).toMatchObject({ rows: [7], decision: "adjudicate", labels: ["good"], note: "" });
    expect(titles()).toEqual(["Training row 8", "Training row 9"]);
    key(root, "9"); // there is no such choice
    key(root, "j");
    expect(titles()).toEqual(["Training row 9", "Training row 8"]);
    key(root, "1");
    expect(fake.last("decide")).toMatchObject({ rows: [9], labels: ["bad"] });
    expect(titles()).toEqual(["Training row 8"]);
  });

  test("what another has added or settled leaves the one in front where it is", async () => {
    const { titles, news } = await open(7, 9);
    await news(3, 7, 9);
    expect(titles()).toEqual(["Training row 7", "Training row 9", "Training row 3"]);
    await news(3, 9);
    expect(titles()).toEqual(["Training row 3", "Training row 9"]);
  });

  test("the focus stays on a choice, and a note goes with the first row", async () => {
    const { fake, find, host, root } = await open(7, 8);
    const note = find<HTMLInputElement>("[aria-label='Note on the first row']");
    key(root, "n");
    expect(document.activeElement).toBe(note);
    note.value = "talked about it";
    note.dispatchEvent(new Event("input"));
    const choose = host.querySelector<HTMLElement>(".rlw-choice > button")!;
    choose.focus();
    choose.click();
    expect(fake.last("decide")).toMatchObject({ rows: [7], note: "talked about it" });
    expect(document.activeElement?.textContent).toContain("(1)");
    expect(note.value).toBe("");
  });

  test("undo brings the last one back to the front", async () => {
    const { fake, root, titles, news } = await open(7, 8, 9);
    key(root, "j");
    key(root, "1");
    expect(titles()).toEqual(["Training row 9", "Training row 7"]);
    fake.reply(fake.last("decide"), contract.results.decide);
    await news(7, 9);
    key(root, "u");
    fake.reply(fake.last("undo"), contract.results.undo);
    await news(7, 8, 9);
    expect(titles()).toEqual(["Training row 8", "Training row 9", "Training row 7"]);
  });

  test("what was refused comes back, with the reason", async () => {
    const { fake, root, find, titles } = await open(7, 8);
    key(root, "1");
    fake.refuse(fake.last("decide"), "refused", "The workbench was closed.");
    await settled();
    await settled();
    expect(titles()).toEqual(["Training row 7", "Training row 8"]);
    expect(find("[role=status]").textContent).toBe("The workbench was closed.");
  });
});

test("a decision that did not carry over is made again, with its note", async () => {
  const { fake, find, button } = draw({ test_row: 3 });
  fake.answers.carried = contract.results.carried;
  button("1 decision did not carry over").click();
  await settled();
  button("Relabel row 7: “bad” (1)").click();
  expect(fake.last("decide")).toMatchObject({ rows: [7], decision: "relabel", labels: ["bad"], note: "sarcasm" });
  expect(find(".rlw-matters").textContent).not.toContain("Relabel row 7");
  expect(find(".rlw-panel h3").textContent).toBe("Not carried over");
});

test("undo and redo say whose decision they take back", () => {
  const { button, fake } = draw();
  expect(button("Undo").title).toBe("Takes back event 1: relabel row 7, by ada");
  expect(button("Redo").title).toBe("Nothing to redo");
  fake.change({ _state: state({ next_undo: "", next_redo: "event 1: relabel row 7, by ada" }) });
  expect(button("Undo").title).toBe("Nothing to undo");
  expect(button("Redo").title).toBe("Brings back event 1: relabel row 7, by ada");
});
