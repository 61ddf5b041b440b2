import { expect, test, vi } from "vitest";
import { createPages, PAGE_SIZE, type FetchPage } from "../src/pages";
import type { PageQuery, TestRow } from "../src/protocol";
import { createStore, FIRST_QUERY } from "../src/store";
import { settled } from "./fixtures";

test("the store tells of changes, and only of changes", () => {
  const store = createStore({ a: 1, b: "x" });
  const seen = vi.fn();
  const stop = store.subscribe(seen);
  store.set({ a: 1 });
  expect(seen).not.toHaveBeenCalled();
  store.set({ a: 2 });
  expect(seen).toHaveBeenCalledWith({ a: 2, b: "x" });
  stop();
  store.set({ a: 3 });
  expect(seen).toHaveBeenCalledOnce();
});

const row = (number: number, text = ""): TestRow => ({
  row: number, text, content: null, label: null, predicted: "a", proba: "0.500", margin: "0", size: { shown: "·", said: "not searched" }, verdict: { words: "–", worth: "", to: "" },
});

function source(total = 100_000) {
  let text = "first";
  const fetch = vi.fn<FetchPage<TestRow, PageQuery>>(async (_query, offset, limit) => ({
    total, rows: Array.from({ length: Math.min(limit, total - offset) }, (_, i) => row(offset + i, text)),
  }));
  return { fetch, pages: createPages(fetch, FIRST_QUERY), rewrite: (words: string) => (text = words) };
}

test("pages are fetched around what is visible, once each", async () => {
  const { fetch, pages } = source();
  pages.want(0, 10);
  pages.want(0, 12);
  await settled();
  expect(fetch).toHaveBeenCalledOnce();
  expect(pages.total()).toBe(100_000);
  expect(pages.row(5)?.row).toBe(5);
  expect(pages.row(PAGE_SIZE)).toBeUndefined();
  pages.want(95, 105);
  await settled();
  expect(fetch).toHaveBeenCalledTimes(2);
  expect(pages.row(PAGE_SIZE)?.row).toBe(PAGE_SIZE);
});

test("memory stays bounded: pages not used for long are let go", async () => {
  const { fetch, pages } = source();
  pages.want(0, 1);
  await settled();
  for (let first = 0; first < 60 * PAGE_SIZE; first += PAGE_SIZE) {
    pages.want(first, first + 1);
    await settled();
  }
  expect(pages.row(0)).toBeUndefined();
  expect(fetch).toHaveBeenCalledTimes(60);
});

test("after a change the old rows stay in sight until the new ones are there", async () => {
  const { pages, rewrite } = source();
  pages.want(0, 10);
  await settled();
  rewrite("second");
  pages.refresh();
  expect(pages.row(3)?.text).toBe("first");
  await settled();
  expect(pages.row(3)?.text).toBe("second");
});

test("another query forgets everything, and drops answers to the old one", async () => {
  const { fetch, pages } = source();
  pages.want(0, 10);
  let answer = (_: { total: number; rows: TestRow[] }) => {};
  fetch.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
  pages.reset({ ...FIRST_QUERY, search: "beans" });
  pages.reset({ ...FIRST_QUERY, search: "soup" });
  expect(pages.total()).toBeUndefined();
  await settled();
  answer({ total: 1, rows: [row(77, "late")] });
  await settled();
  expect(fetch.mock.calls[2]?.[0]).toMatchObject({ search: "soup" });
  expect(pages.row(0)?.row).toBe(0);
});

test("a failure is said and the next attempt clears it", async () => {
  const { fetch, pages } = source();
  fetch.mockRejectedValueOnce(new Error("the kernel is gone"));
  pages.want(0, 1);
  await settled();
  expect(pages.error()).toBe("the kernel is gone");
  pages.want(0, 1);
  await settled();
  expect(pages.error()).toBe("");
});

test("rows that came with another answer are there at once, the others are fetched", async () => {
  const { fetch, pages } = source(1000);
  const query = { ...FIRST_QUERY, search: "x" };
  pages.seed(query, { total: 1000, rows: Array.from({ length: 130 }, (_, i) => row(i, "seed")) });
  expect([pages.total(), pages.row(99)?.text, pages.row(100)]).toEqual([1000, "seed", undefined]);
  pages.want(0, 150);
  await settled();
  expect(fetch).toHaveBeenCalledOnce();
  expect(fetch.mock.calls[0]?.slice(0, 3)).toEqual([query, 100, PAGE_SIZE]);
  pages.seed(query, { total: 1000, rows: Array.from({ length: 100 }, (_, i) => row(i, "anew")) });
  expect([pages.row(0)?.text, pages.row(120)?.text]).toEqual(["anew", "first"]);
  pages.want(0, 150);
  await settled();
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("rows that were under way when an answer came are asked for again", async () => {
  const { pages } = source(1000);
  const first = { total: 1000, rows: Array.from({ length: 100 }, (_, i) => row(i, "seed")) };
  pages.seed(FIRST_QUERY, first);
  pages.want(900, 910);
  pages.seed(FIRST_QUERY, first);
  await settled();
  expect(pages.row(905)?.row).toBe(905);
});

test("rows change in place", async () => {
  const { fetch, pages } = source();
  pages.want(0, 10);
  await settled();
  pages.patch((line) => (line.row === 4 ? { ...line, text: "news" } : undefined));
  expect([pages.row(4)?.text, pages.row(5)?.text]).toEqual(["news", "first"]);
  expect(fetch).toHaveBeenCalledOnce();
});
