import { describe, expect, test, vi } from "vitest";
import { createVirtual } from "../src/views/virtual";
import { onAPage } from "./fixtures";

onAPage();

describe("a list of any length", () => {
  function list(total: number) {
    const onRange = vi.fn();
    const one = createVirtual(() => {}, {
      names: "x", rowHeight: 50, spare: 2, label: "Rows", heads: [], multi: false, onRange,
      pages: { total: () => total, row: (i: number) => ({ row: i }), error: () => "" },
      create: () => { const node = document.createElement("div"); return { node, target: node }; },
      update(line, index) { line.node.textContent = String(index); },
    });
    Object.defineProperty(one.body, "clientHeight", { value: 500 });
    document.body.append(one.node);
    one.draw("None.");
    return { one, onRange, instead: one.empty, spacer: one.body.firstElementChild as HTMLElement, resize: (to: number) => { total = to; one.draw("None."); } };
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
    if (root instanceof ShadowRoot) root.append(one.node);
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
