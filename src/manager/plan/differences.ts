import type { DisplayMap, DisplayValue } from '../../config/section-values.ts';
import type { Difference } from './plan.ts';

const isMap = (value: DisplayValue): value is DisplayMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const flatten = (map: DisplayMap, prefix = ''): ReadonlyMap<string, DisplayValue> =>
  new Map(
    Object.entries(map).flatMap(([key, value]): [string, DisplayValue][] =>
      isMap(value) ? [...flatten(value, `${prefix}${key}.`)] : [[prefix + key, value]],
    ),
  );

/** What stands otherwise in the two sections, by key. Secrets are `****` in both, so that a changed secret does not show. */
export const findDifferences = (from: DisplayMap, to: DisplayMap): readonly Difference[] => {
  const [one, other] = [flatten(from), flatten(to)];
  return [...new Set([...one.keys(), ...other.keys()])]
    .map((key) => ({ key, from: one.get(key) ?? null, to: other.get(key) ?? null }))
    .filter((difference) => JSON.stringify(difference.from) !== JSON.stringify(difference.to));
};
