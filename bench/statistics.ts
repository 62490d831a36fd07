/** What several runs gave. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of an even number of values, the mean of the two in the middle. Throws where there are none. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error('the median of no values');
  return (lower + upper) / 2;
};

export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
});

/**
 * Each run of the one against the same run of the other: what else the machine was doing at that time weighs on both. A
 * run that one of them lacks is left out.
 */
export const ratiosOf = (of: readonly number[], to: readonly number[]): readonly number[] =>
  of.flatMap((value, run) => {
    const other = to[run];
    return other === undefined ? [] : [value / other];
  });
