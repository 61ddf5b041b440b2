import { describe, expect, test, vi } from "vitest";
import { createSession } from "../src/session";
import { VERSION } from "../src/wire";
import { contract, FakeModel, settled, state } from "./fixtures";

function open(traits: Partial<FakeModel["traits"]> = {}) {
  const fake = new FakeModel();
  Object.assign(fake.traits, traits);
  return { fake, session: createSession(fake.model) };
}

describe("choosing a row", () => {
  test("shows at once and loads its ranking", async () => {
    const { fake, session } = open();
    session.actions.select(3);
    expect(session.store.get()).toMatchObject({ testRow: 3, rankingState: "loading" });
    expect(fake.last("select")).toMatchObject({ row: 3 });
    fake.reply(fake.last("ranking"), contract.results.ranking);
    await settled();
    expect(session.store.get().ranking?.row).toBe(3);
  });

  test("an echo of an earlier choice does not undo a later one", async () => {
    const { fake, session } = open();
    session.actions.select(3);
    const first = fake.last("select");
    session.actions.select(4);
    fake.change({ test_row: 3 });
    expect(session.store.get().testRow).toBe(4);
    fake.reply(first, { message: "3" });
    fake.change({ test_row: 4 });
    fake.reply(fake.last("select"), { message: "4" });
    await settled();
    expect(session.store.get()).toMatchObject({ testRow: 4, notice: "4" });
  });

  test("a class to flip to that is chosen before the ranking is there stays chosen", async () => {
    const { fake, session } = open({ test_row: 3 });
    session.actions.aim("good");
    fake.reply(fake.last("ranking"), contract.results.ranking);
    await settled();
    session.actions.find();
    expect(fake.last("find")).toMatchObject({ target: "good" });
  });

  test("a label without a name is tried, and no label is left to Python", () => {
    const { fake, session } = open();
    session.actions.tryLabels(new Map([[1, ""], [2, null]]));
    expect(fake.last("try")).toMatchObject({ rows: [1, 2], labels: ["", null] });
  });

  test("a late ranking of an earlier choice is dropped", async () => {
    const { fake, session } = open();
    session.actions.select(3);
    const first = fake.last("ranking");
    session.actions.select(4);
    fake.reply(first, contract.results.ranking);
    await settled();
    expect(session.store.get().ranking).toBeNull();
  });

  test("a set that is found meanwhile comes first only where it was asked for", async () => {
    const { fake, session } = open({ test_row: 3 });
    const answer = async (changes = {}) => {
      fake.reply(fake.last("ranking"), { ...contract.results.ranking, ...changes });
      await settled();
    };
    expect(fake.last("ranking")).toMatchObject({ row: 3, set_first: true });
    await answer({ flip: null });
    fake.change({ _state: state({ revision: 7 }) });
    expect(fake.last("ranking")).toMatchObject({ set_first: false });
    await answer();
    session.bars.refresh();
    expect(fake.last("bars")).toMatchObject({ row: 3, set_first: false });

    session.actions.find();
    fake.reply(fake.last("find"), { message: "Found." });
    await settled();
    expect(fake.last("ranking")).toMatchObject({ set_first: true });
    await answer();
    fake.change({ _state: state({ revision: 8 }) });
    expect(fake.last("ranking")).toMatchObject({ set_first: true });
  });

  test("a set that is searched for comes first as soon as it is there, also after a double click", async () => {
    const { fake, session } = open({ test_row: 3 });
    fake.reply(fake.last("ranking"), { ...contract.results.ranking, flip: null });
    await settled();
    session.actions.find();
    const search = fake.last("find");
    session.actions.find();
    fake.refuse(fake.last("find"), "busy", "A job is still running.");
    await settled();
    fake.change({ _state: state({ revision: 7 }) });
    expect(fake.last("ranking")).toMatchObject({ set_first: true });
    fake.reply(fake.last("ranking"), contract.results.ranking);
    fake.reply(search, { message: "Found." });
    await settled();
    expect(fake.sent.filter(({ kind }) => kind === "ranking").length).toBe(2);
  });

  test("an explanation is of the set that is shown", async () => {
    const { fake, session } = open({ test_row: 3 });
    const explanations = () => fake.sent.filter(({ kind }) => kind === "explain").length;
    const ranked = async (rows: number[]) => {
      fake.reply(fake.last("ranking"), { ...contract.results.ranking, flip: { ...(contract.results.ranking["flip"] as object), rows, size: rows.length } });
      await settled();
    };
    await ranked([7]);
    fake.reply(fake.last("explain"), contract.results.explain);
    await settled();
    fake.change({ _state: state({ revision: 7 }) });
    await ranked([7]);
    expect(explanations()).toBe(1);
    fake.change({ threshold: 0.7, _state: state({ revision: 8 }) });
    await ranked([8, 9]);
    expect(explanations()).toBe(2);
    expect(session.store.get().explained).toBeNull();
    fake.reply(fake.last("explain"), { ...contract.results.explain, shares: [{ row: 8, words: "50.0% of the flip" }, { row: 9, words: "40.0% of the flip" }] });
    await settled();
    expect(session.store.get().explained).not.toBeNull();
    fake.change({ threshold: 0.6, _state: state({ revision: 9 }) });
    fake.reply(fake.last("ranking"), { ...contract.results.ranking, flip: null });
    await settled();
    expect(session.store.get().explained).toBeNull();
  });

  test("Python's choice is followed", async () => {
    const { fake, session } = open();
    fake.change({ test_row: 5 });
    expect(fake.last("ranking")).toMatchObject({ row: 5 });
    fake.change({ test_row: null });
    await settled();
    expect(session.store.get()).toMatchObject({ ranking: null, rankingState: "idle" });
  });

  test("a refused ranking is said", async () => {
    const { fake, session } = open({ test_row: 3 });
    fake.refuse(fake.last("ranking"), "failed", "out of memory");
    await settled();
    expect(session.store.get()).toMatchObject({ rankingState: "failed", rankingError: "out of memory" });
  });
});

describe("marks", () => {
  test("show at once and go back where Python refuses them", async () => {
    const { fake, session } = open();
    session.actions.decide([7, 8], "relabel");
    expect([...session.store.get().relabelled]).toEqual([7, 8]);
    fake.refuse(fake.last("decide"), "busy", "A job is still running.");
    await settled();
    expect([...session.store.get().relabelled]).toEqual([]);
    expect(session.store.get()).toMatchObject({ notice: "A job is still running.", failed: true });
  });
});

describe("following Python", () => {
  test("a new revision fetches what is shown anew", () => {
    const { fake } = open({ test_row: 3 });
    const before = fake.sent.length;
    fake.change({ _state: state({ revision: 2, status: "same revision" }) });
    expect(fake.sent.length).toBe(before);
    fake.change({ _state: state({ revision: 3 }) });
    expect(fake.sent.slice(before).map(({ kind }) => kind).sort()).toEqual(["flips", "page", "ranking"]);
  });

  test("its last words are shown", () => {
    const { fake, session } = open();
    fake.change({ _state: state({ status: "Retrained." }) });
    expect(session.store.get()).toMatchObject({ notice: "Retrained.", failed: false });
  });

  test("a kernel of another version is said, with what to do", () => {
    const { fake, session } = open();
    session.pages.want(0, 10);
    fake.say({ v: "another", id: fake.last("page").id, kind: "result", value: contract.results.page });
    expect(session.store.get()).toMatchObject({ failed: true, notice: expect.stringContaining("another version than the kernel. Reload the page") });
    expect(session.pages.total()).toBeUndefined();
  });

  test("progress ends with the job, whoever began it", () => {
    const { fake, session } = open();
    fake.change({ busy: true });
    fake.say({ v: VERSION, id: "", kind: "progress", phase: "refit", done: 2, total: 5 });
    expect(session.store.get().progress).toMatchObject({ done: 2 });
    fake.change({ busy: false });
    expect(session.store.get()).toMatchObject({ busy: false, progress: null });
  });

  test("a cancelled job is no failure", async () => {
    const { fake, session } = open();
    session.actions.verify();
    fake.refuse(fake.last("verify"), "cancelled", "Cancelled. Nothing was changed.");
    await settled();
    expect(session.store.get()).toMatchObject({ notice: "Cancelled. Nothing was changed.", failed: false });
  });
});

test("a kernel that does not answer is spoken of, until it does", async () => {
  vi.useFakeTimers();
  const { fake, session } = open();
  session.pages.want(0, 10);
  vi.advanceTimersByTime(9_000);
  vi.useRealTimers();
  expect(session.store.get()).toMatchObject({ silent: true });
  fake.reply(fake.last("page"), contract.results.page);
  await settled();
  expect(session.store.get()).toMatchObject({ failed: false, notice: "" });
  session.dispose();
});

test("find needs a chosen row", () => {
  const { fake, session } = open();
  session.actions.find();
  expect(fake.sent.map(({ kind }) => kind)).not.toContain("find");
});

test("what does not go with the elements is undone once, the last first", () => {
  const { session } = open();
  const order: number[] = [];
  for (const one of [1, 2]) session.atEnd(() => order.push(one));
  session.dispose();
  session.dispose();
  expect(order).toEqual([2, 1]);
});

test("dispose leaves no listener at the model", () => {
  const { fake, session } = open({ test_row: 3 });
  expect(fake.listeners()).toBeGreaterThan(0);
  session.dispose();
  expect(fake.listeners()).toBe(0);
});
