/** Decoders: each turns an unknown value into one type, or says which field is wrong. */

export class CodecError extends Error {
  override name = "CodecError";
}

export type Decoder<T> = (value: unknown, path: string) => T;

export function fail(path: string, expected: string, value: unknown): never {
  const got = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  throw new CodecError(`${path}: expected ${expected}, got ${got}`);
}

export const string: Decoder<string> = (value, path) => (typeof value === "string" ? value : fail(path, "text", value));

export const boolean: Decoder<boolean> = (value, path) =>
  typeof value === "boolean" ? value : fail(path, "true or false", value);

export const number: Decoder<number> = (value, path) =>
  typeof value === "number" && Number.isFinite(value) ? value : fail(path, "a finite number", value);

export const count: Decoder<number> = (value, path) =>
  Number.isSafeInteger(value) && number(value, path) >= 0 ? number(value, path) : fail(path, "a count", value);

export function nullable<T>(decode: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === null ? null : decode(value, path));
}

export function list<T>(decode: Decoder<T>): Decoder<T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((item, i) => decode(item, `${path}[${i}]`)) : fail(path, "a list", value);
}

/** The names of two classes or more. */
export const classes: Decoder<[string, string, ...string[]]> = (value, path) => {
  const [first, second, ...rest] = list(string)(value, path);
  if (first === undefined || second === undefined) return fail(path, "two classes or more", value);
  return [first, second, ...rest];
};

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields are camelCase here and snake_case in Python. */
export function record<T extends object>(fields: { [K in keyof T]: Decoder<T[K]> }): Decoder<T> {
  return (value, path) => {
    if (!isObject(value)) return fail(path, "an object", value);
    const out: Partial<T> = {};
    for (const key in fields) {
      const wire = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      out[key] = fields[key](value[wire], `${path}.${wire}`);
    }
    return out as T; // every key of T was set by the loop
  };
}
