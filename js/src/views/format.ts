/** Formats counts for people; all other numbers come in words. */

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function plural(value: number, one: string): string {
  return `${count(value)} ${value === 1 ? one : `${one}s`}`;
}
