import { documentsPerSecond, type Sample } from '../result.ts';

/** The setting of several at which a short piece of the same work goes fastest. */
export const findBest = async (
  settings: readonly number[],
  measure: (setting: number) => Promise<Sample>,
): Promise<number> => {
  let best = { setting: settings[0] ?? 1, rate: 0 };
  for (const setting of settings) {
    const rate = documentsPerSecond(await measure(setting));
    if (rate > best.rate) best = { setting, rate };
  }
  return best.setting;
};
