/** Shares as they stand in rules documents: `2/3` or `75%`, exact, without floating point. */

export interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

/** So that a weight of all members times a denominator is exact. */
const denominatorMax = 1000;

/** More than nothing and at most the whole; undefined when it is no such share. */
export function parseShare(text: unknown): Share | undefined {
  if (typeof text !== 'string') return undefined;
  const [, percent] = /^([1-9]\d{0,2})%$/.exec(text) ?? [];
  const [, above, below] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(text) ?? [];
  const numerator = Number(percent ?? above);
  const denominator = percent === undefined ? Number(below) : 100;
  const isShare = numerator <= denominator && denominator <= denominatorMax;
  return isShare ? { numerator, denominator } : undefined;
}
