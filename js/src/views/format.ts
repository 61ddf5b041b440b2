/** Formats numbers and sentences for people. */

const MINUS = "\u2212";

export function proba(value: number): string {
  if (value > 0 && value < 0.001) return "<0.001";
  if (value < 1 && value > 0.999) return ">0.999";
  return value.toFixed(3);
}

/** Signed, with three significant digits. */
export function signed(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const digits = size >= 0.001 ? size.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3) : size.toExponential(1);
  return `${value < 0 ? MINUS : "+"}${digits.replace("e-", `e${MINUS}`)}`;
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function percent(value: number): string {
  return `${(value * 100).toFixed(1)}%`;
}
