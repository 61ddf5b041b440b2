/** Decisions one by one: none is passed over, no note goes astray. And files: none is replaced without a question. */

import { describe, expect, test } from "vitest";
import { contract, draw, key, onAPage, settled, type Sent } from "./fixtures";

onAPage();

const suspects = (...rows: number[]) => ({
  total: rows.length,
  offset: 0,
  rows: rows.map((row) => ({ ...(contract.results.queue["rows"] as object[])[0], row, title: `Training row ${row}` })),
});

/** The queue is open on these rows; decisions wait for an answer. */
async function open(...rows: number[]) {
  const page = draw({ test_row: 3 });
  page.fake.answers.queue = suspects(...rows);
  const root = page.find("section");
  const decisions = () => page.fake.sent.filter(({ kind }) => kind === "decide");
  const written = async () => {
    page.fake.reply(page.fake.last("decide"), contract.results.decide);
    await settled();
  };
  key(root, "q");
  await settled();
  const note = page.find<HTMLInputElement>("[aria-label='Note on this row']");
  const type = (words: string, field = note) => {
    field.value = words;
    field.dispatchEvent(new Event("input"));
  };
  return { ...page, root, decisions, written, note, type, body: page.find(".rlw-queue-body") };
}

describe("the queue", () => {
  test("a decision that was not written keeps its row in front and says so", async () => {
    const { fake, root, body, decisions } = await open(9, 10, 11);
    key(root, "k");
    key(root, "r"); // typed ahead, about rows that come only if the first is written
    key(root, "s");
    expect(decisions().length).toBe(1);
    fake.refuse(fake.last("decide"), "failed", "Something else wrote to the store.");
    await settled();
    expect(body.textContent).toContain("Training row 9");
    expect(body.textContent).toContain("Not recorded. Something else wrote to the store. Keys pressed since were ignored: r s.");
    expect(decisions().length).toBe(1);
    key(root, "k");
    expect(fake.last("decide")).toMatchObject({ rows: [9], decision: "keep" });
    expect(body.textContent).not.toContain("Not recorded");
  });

  test("keys typed ahead are used in their order, notes too", async () => {
    const { fake, root, body, decisions, written, note } = await open(9, 10, 11, 12);
    for (const name of ["k", "n", "a", " ", "x", "Escape", "j"]) key(root, name);
    expect(decisions().map(({ rows }) => rows)).toEqual([[9]]);
    await written();
    // Row 10: the note "a x"; Escape left the field, so that J skipped the row.
    expect(body.textContent).toContain("Training row 11");
    for (const name of ["r", "s"]) key(root, name);
    await written();
    await written();
    expect(decisions().map(({ rows, decision, note }) => [rows, decision, note])).toEqual([
      [[9], "keep", ""],
      [[11], "relabel", ""],
      [[12], "unsure", ""],
    ]);
    expect(body.hidden).toBe(true);
    fake.answers.queue = suspects(10);
    key(root, "Escape");
    key(root, "q");
    await settled();
    expect(note.value).toBe("a x");
    expect(fake.sent.some(({ kind }) => kind === "export")).toBe(false);
  });

  test("keys typed ahead are no commands for what stands below a closed queue", async () => {
    const { fake, root, decisions, written, button, find } = await open(9, 10);
    key(root, "k");
    key(root, "k");
    button("Close").click();
    await written();
    expect(decisions().length).toBe(1);
    expect(find("[role=status]").textContent).toBe("Keys pressed since were ignored: k.");
    expect(fake.sent.some(({ kind }) => kind === "undo")).toBe(false);
  });

  test("a click cannot decide about a row that came only just now", async () => {
    const { button, decisions } = await open(9, 10);
    button("Keep good (K)").click();
    button("Keep good (K)").click();
    expect(decisions().length).toBe(1);
  });

  test("a note belongs to its row, and the row's next decision takes it along", async () => {
    const { fake, root, body, note, type, decisions, written } = await open(9, 10, 11);
    key(root, "j");
    type("about 10 ");
    key(root, "Escape");
    fake.answers.queue = suspects(9, 10, 11); // a new ranking
    key(root, "q");
    await settled();
    expect(body.textContent).toContain("Training row 10");
    expect(note.value).toBe("about 10 ");
    key(root, "j");
    expect(note.value).toBe("");
    fake.answers.queue = suspects(10, 11);
    key(root, "k"); // row 11
    await written();
    key(root, "Escape");
    key(root, "q");
    await settled();
    expect(note.value).toBe("about 10 ");
    key(root, "k");
    fake.refuse(fake.last("decide"), "failed", "No.");
    await settled();
    expect(note.value).toBe("about 10 "); // it was not written down
    key(root, "k");
    await written();
    expect(decisions().map(({ rows, note }) => [rows, note])).toEqual([[[11], ""], [[10], "about 10"], [[10], "about 10"]]);
    expect(note.value).toBe("");
  });

  test("X does not export from within the queue", async () => {
    const { fake, root, find } = await open(9);
    key(root, "x");
    expect(fake.sent.some(({ kind }) => kind === "export")).toBe(false);
    expect(find("[role=status]").textContent).toContain("to export");
    key(root, "Escape");
    key(root, "x");
    expect(fake.last("export")).toBeTruthy();
  });
});

test("a note in the list of training rows stays with its row, too", async () => {
  const { fake, find, host } = draw({ test_row: 3 });
  const ranking = structuredClone(contract.results.ranking) as any;
  const [first] = ranking.bars.rows;
  ranking.bars = { total: 2, offset: 0, rows: [first, { ...first, rank: 2, row: 8, id: "8" }] };
  fake.answers.ranking = ranking;
  fake.change({ test_row: 4 });
  await settled();
  const note = find<HTMLInputElement>("[aria-label=Note]");
  const line = (row: number) => host.querySelector(`input[aria-label='Relabel row ${row}']`)!.closest<HTMLElement>(".rlw-row")!;
  line(7).querySelector<HTMLElement>(".rlw-train-text")!.click();
  note.value = "about 7";
  note.dispatchEvent(new Event("input"));
  line(8).querySelector<HTMLElement>(".rlw-train-text")!.click();
  expect(note.value).toBe("");
  key(find("section"), "k");
  expect(fake.last("decide")).toMatchObject({ rows: [8], note: "" });
  line(7).querySelector<HTMLElement>(".rlw-train-text")!.click();
  expect(note.value).toBe("about 7");
});

describe("a file that is in the way", () => {
  const refused = async (page: ReturnType<typeof draw>) => {
    page.button("Export labels").focus();
    page.button("Export labels").click();
    page.fake.refuse(page.fake.last("export"), "exists", "out.csv was not exported from this workbench.");
    await settled();
    return page.find("[role=alertdialog]");
  };
  const exports = ({ fake }: ReturnType<typeof draw>): Sent[] => fake.sent.filter(({ kind }) => kind === "export");

  test("is replaced only once somebody says so", async () => {
    const page = draw();
    expect(page.find("[role=alertdialog]").hidden).toBe(true);
    const question = await refused(page);
    expect(question.hidden).toBe(false);
    expect(question.textContent).toContain("Replace “corrected_labels.csv”?");
    expect(document.activeElement?.textContent).toBe("Cancel");
    expect(exports(page)[0]).toMatchObject({ overwrite: false });
    page.button("Replace").click();
    expect(exports(page)[1]).toMatchObject({ path: "corrected_labels.csv", overwrite: true });
    expect(question.hidden).toBe(true);
    expect(document.activeElement).toBe(page.button("Export labels"));
  });

  test("stays, by Escape, by the button, and with whatever single key", async () => {
    const page = draw();
    const question = await refused(page);
    key(document.activeElement!, "Escape");
    expect(question.hidden).toBe(true);
    await refused(page);
    question.querySelector("button")!.click();
    expect(question.hidden).toBe(true);
    await refused(page);
    for (const name of "?12/farskjcnvuUqhxy ".split("")) key(document.activeElement!, name);
    expect(exports(page).every(({ overwrite }) => overwrite === false)).toBe(true);
  });
});
