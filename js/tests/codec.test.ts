import { describe, expect, test } from "vitest";
import { encodeRequest, renamed } from "../src/codec";
import type { Requests } from "../src/protocol";
import { contract } from "./fixtures";

describe("what both languages agree on", () => {
  test.each(contract.requests)("request $kind is written as in the example", (example) => {
    const { v: _, id, kind, ...body } = example;
    expect(encodeRequest(id, kind, body as Requests[typeof kind]["body"])).toEqual(example);
  });

  test("the kinds are those of the examples", () => {
    expect(new Set(contract.requests.map(({ kind }) => kind))).toEqual(new Set(Object.keys(contract.results)));
  });

  test("fields are renamed all the way down and values are kept", () => {
    expect(renamed(contract.results.page)).toMatchObject({
      rows: [
        { row: 3, text: "cold soup", content: null, label: "bad", predicted: "good", proba: 0.61, margin: 0.45, flipSize: 2, verifiedProba: 0.41, verifiedPredicted: "bad", flipped: true },
        { label: null },
      ],
    });
    expect(renamed(contract.state)).toMatchObject({ nTrain: expect.any(Number), verification: { scores: [{ label: "Accuracy", worth: "better" }] } });
    for (const told of [contract.results, contract.state, contract.replies]) expect(JSON.stringify(renamed(told))).not.toMatch(/"[a-z0-9]*_\w*":/);
  });
});
