import type { Declare } from './declare.ts';

/** What is asked before a migration. */
export const declareBefore = (add: Declare): void => {
  add(
    'check <configfile>',
    'Write, read, compare and remove a small document through a configuration.',
    async () => (await import('../commands/check.ts')).check,
  ).option('--analysis-archive', 'Check the section analysis_archive.');
  add(
    'list-drivers',
    'Show the drivers that can be a source or a destination.',
    async () => (await import('../commands/list-drivers.ts')).listDrivers,
  );
};
