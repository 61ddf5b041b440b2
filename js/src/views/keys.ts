/** Where a key moves the focus in a list of `total` rows; undefined for keys that do not move it. */
export function moved(key: string, index: number, total: number, screenful: number): number | undefined {
  if (total === 0) return undefined;
  const steps: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + screenful,
    PageUp: index - screenful,
    Home: 0,
    End: total - 1,
  };
  const target = steps[key];
  return target === undefined ? undefined : Math.min(total - 1, Math.max(0, target));
}
