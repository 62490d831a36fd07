import type { KeptResult } from '../result.ts';
import { spreadText, targetText } from './figures.ts';

/** For a terminal: each claim a line, the verdict in front. */
export const summarise = (results: readonly KeptResult[]): readonly string[] =>
  results.flatMap(({ claims }) =>
    claims.map((claim) => {
      const verdict = claim.met === undefined ? '' : claim.met ? 'met' : 'NOT met';
      const target = targetText(claim.target, claim.unit);
      return `${verdict.padStart(7)}  ${claim.what}: ${spreadText(claim)}${target === '' ? '' : `, target ${target}`}`;
    }),
  );
