import type { ExitCode } from '../exit-code.ts';

/** What each exit code means, in the fewest words. */
export const EXIT_TEXTS = {
  0: 'done',
  1: 'documents failed',
  2: 'usage or configuration',
  3: 'refused',
  4: 'store or database',
  5: 'wrong data',
  130: 'interrupted',
} as const satisfies Record<ExitCode, string>;
