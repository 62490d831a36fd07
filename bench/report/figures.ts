import type { JudgedClaim, Target } from '../result.ts';

/** Three significant digits, without an exponent. */
export const figure = (value: number): string => {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
};

export const targetText = (target: Target | undefined, unit: string): string =>
  target === undefined ? '' : `${target.bound} ${figure(target.value)} ${unit}`;

export const spreadText = ({ spread: { median, min, max }, unit, values }: JudgedClaim): string =>
  values.length === 1 ? `${figure(median)} ${unit}` : `${figure(median)} ${unit} [${figure(min)} .. ${figure(max)}]`;

export const verdictText = ({ met }: JudgedClaim): string => (met === undefined ? '' : met ? 'met' : '**NOT met**');
