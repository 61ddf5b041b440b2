import { describe, expect, test, vi } from "vitest";
import { createClient, newId } from "../src/client";
import { VERSION } from "../src/wire";
import type { Requests } from "../src/protocol";
import { contract, FakeModel } from "./fixtures";

const news = () => ({ onProgress: vi.fn(), onSizes: vi.fn(), onHeard: vi.fn(), onLost: vi.fn(), onStrange: vi.fn(), onEnd: vi.fn() });

function make() {
  const fake = new FakeModel();
  const onProgress = vi.fn();
  return { fake, onProgress, client: createClient(fake.model, { ...news(), onProgress }) };
}

describe("what both languages agree on", () => {
  test.each(contract.requests)("request $kind is written as in the example", (example) => {
    const { fake, client } = make();
    const { v: _, id, kind, ...body } = example;
    void client.request(kind, body as Requests[typeof kind]["body"]);
    expect({ ...fake.last(kind), id }).toEqual(example);
  });

  test("the kinds are those of the examples", () => {
    expect(new Set(contract.requests.map(({ kind }) => kind))).toEqual(new Set(Object.keys(contract.results)));
  });
});

describe("one request, one answer", () => {
  test("the answer goes to the request with its id, in any order", async () => {
    const { fake, client } = make();
    const first = client.request("export", { path: "a.csv", overwrite: false, every: false });
    const second = client.request("cancel", {});
    fake.reply(fake.last("cancel"), { message: "second" });
    fake.reply(fake.last("export"), { message: "first" });
    fake.reply(fake.last("export"), { message: "again" });
    expect([await first, await second]).toEqual([{ message: "first" }, { message: "second" }]);
    expect(client.pending()).toBe(0);
  });

  test("an error rejects with its reason and words", async () => {
    const { fake, client } = make();
    const answer = client.request("verify", {});
    fake.refuse(fake.last("verify"), "busy", "A job is still running.");
    await expect(answer).rejects.toMatchObject({ reason: "busy", message: "A job is still running." });
  });

  test("what cannot be sent is said at once", async () => {
    const [fake, onLost] = [new FakeModel(), vi.fn()];
    fake.send = () => {
      throw new Error("Cannot send");
    };
    const client = createClient(fake.model, { ...news(), onLost });
    await expect(client.request("cancel", {})).rejects.toMatchObject({ reason: "aborted", message: "The kernel is not responding." });
    expect(onLost).toHaveBeenCalledOnce();
    expect(client.pending()).toBe(0);
  });

  test("messages of other code are left alone", () => {
    const [fake, onHeard, onStrange] = [new FakeModel(), vi.fn(), vi.fn()];
    createClient(fake.model, { ...news(), onHeard, onStrange });
    for (const other of [null, 5, "go", [], {}, { v: "1" }, { id: "a", kind: "result" }]) fake.say(other);
    expect([onHeard, onStrange].flatMap(({ mock }) => mock.calls)).toEqual([]);
  });

  test("what nobody asked, and kinds that are not known, disturb nobody", async () => {
    const { fake, client } = make();
    const answer = client.request("cancel", {});
    const { id } = fake.last("cancel");
    for (const strange of [{ id: 7, kind: "result" }, { id, kind: "news" }, { id: "other", kind: "error" }]) fake.say({ v: VERSION, ...strange });
    expect(client.pending()).toBe(1);
    fake.reply(fake.last("cancel"), { message: "ok" });
    expect(await answer).toEqual({ message: "ok" });
  });

  test("progress is told and settles nothing", async () => {
    const { fake, client, onProgress } = make();
    const answer = client.request("verify", {});
    fake.say({ v: VERSION, id: fake.last("verify").id, kind: "progress", phase: "refit", done: 1, total: null });
    expect(onProgress).toHaveBeenCalledWith(expect.objectContaining({ phase: "refit", done: 1, total: null }));
    expect(client.pending()).toBe(1);
    fake.reply(fake.last("verify"), { message: "ok" });
    await answer;
  });
});

describe("once the view is closed", () => {
  test("dispose rejects what waits and leaves no listener", async () => {
    const { fake, client } = make();
    const answer = client.request("cancel", {});
    client.dispose();
    await expect(answer).rejects.toMatchObject({ message: "the widget was closed" });
    expect(fake.listeners()).toBe(0);
  });

  test("nothing is sent any more", async () => {
    const { fake, client } = make();
    client.dispose();
    await expect(client.request("undo", {})).rejects.toMatchObject({ reason: "aborted" });
    expect(fake.sent).toEqual([]);
  });
});

test("ids are unique, also where randomUUID is missing (plain http)", () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const ids = new Set(Array.from({ length: 100 }, newId));
  vi.unstubAllGlobals();
  expect(ids.size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});
