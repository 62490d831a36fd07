import type { Range } from './estimate.ts';

const UNITS = [
  { name: 'h', seconds: 3_600 },
  { name: 'min', seconds: 60 },
] as const;

/** For a person: `less than 1 s`, `40 s`, `3.5 min`, `26 h`. */
const readableTime = (seconds: number): string => {
  if (seconds < 0.95) return 'less than 1 s';
  for (const unit of UNITS) {
    const amount = seconds / unit.seconds;
    if (amount >= 1.45) return `${amount < 10 ? Number(amount.toFixed(1)) : Math.round(amount)} ${unit.name}`;
  }
  return `${Math.round(seconds)} s`;
};

/** `about 40 s (30 s to 1.5 min)` */
export const readableRange = ({ low, likely, high }: Range): string => {
  const [from, about, to] = [readableTime(low), readableTime(likely), readableTime(high)];
  if (from === to) return about;
  if (about === 'less than 1 s') return `up to ${to}`;
  return `about ${about} (${from === 'less than 1 s' ? '0 s' : from} to ${to})`;
};
