import { describe, expect, expectTypeOf, test } from "vitest";
import { CodecError, decodeReply, decodeResult, decodeState, encodeRequest, KINDS } from "../src/codec";
import type { Page, Requests } from "../src/protocol";
import { contract } from "./fixtures";

describe("what both languages agree on", () => {
  test.each(contract.requests)("request $kind is written as in the example", (example) => {
    const { v: _, id, kind, ...body } = example;
    expect(encodeRequest(id, kind, body as Requests[typeof kind]["body"])).toEqual(example);
  });

  test("the kinds are those of the examples", () => {
    expect([...KINDS].sort()).toEqual(Object.keys(contract.results).sort());
    expect(new Set(contract.requests.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  });

  test.each(KINDS)("result %s is understood", (kind) => {
    expect(decodeResult(kind, contract.results[kind])).toBeTruthy();
  });

  test("fields are renamed and kept", () => {
    const page = decodeResult("page", contract.results.page);
    expectTypeOf(page).toEqualTypeOf<Page>();
    expect(page.rows[0]).toEqual({
      row: 3, text: "cold soup", content: null, label: "bad", predicted: "good", rival: "bad", proba: 0.61, margin: 0.45, flipSize: 2, verifiedProba: 0.41,
      verifiedPredicted: "bad", ownProba: null, flipped: true,
    });
    expect(page.rows[1]?.label).toBeNull();
    expect(decodeState(contract.state).verification).toMatchObject({ rows: 1, flipped: 2, becameRight: 2, f1After: 0.9, logLossBefore: 0.5 });
  });

  test("replies are understood", () => {
    expect(contract.replies.map((reply) => decodeReply(reply)?.kind)).toEqual(["result", "progress", "progress", "error", "sizes"]);
  });
});

describe("what does not fit is refused with its place", () => {
  test.each([
    ["page.rows[0].proba: expected a finite number, got text", (page: any) => (page.rows[0].proba = "0.5")],
    ["page.rows[0].proba: expected a finite number, got number", (page: any) => (page.rows[0].proba = NaN)],
    ["page.total: expected a count, got undefined", (page: any) => delete page.total],
    ["page.rows: expected a list, got null", (page: any) => (page.rows = null)],
    ["page.rows[1].row: expected a count, got number", (page: any) => (page.rows[1].row = -1)],
    ["page.rows[0].flipped: expected true or false, got number", (page: any) => (page.rows[0].flipped = 1)],
  ])("%s", (words, spoil) => {
    const page = structuredClone(contract.results.page);
    spoil(page);
    expect(() => decodeResult("page", page)).toThrow(CodecError);
    expect(() => decodeResult("page", page)).toThrow(words.replace("text", "string"));
  });

  test("one class is none", () => {
    expect(() => decodeState({ ...contract.state, classes: ["a"] })).toThrow("two classes or more");
  });

  test("messages of other code are left alone", () => {
    for (const other of [null, 5, "go", [], {}, { v: 2, id: "a", kind: "result" }, { v: 1, id: "a", kind: "news" }]) {
      expect(decodeReply(other)).toBeUndefined();
    }
  });

  test("an unknown reason counts as a failure", () => {
    expect(decodeReply({ v: 1, id: "a", kind: "error", reason: "new", message: "x" })).toMatchObject({ reason: "failed" });
  });
});
