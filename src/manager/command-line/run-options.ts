import { type Command as Commander, InvalidArgumentError } from 'commander';

/** The limits of a run, for commands that begin one and for `limit`. */
export const addLimitOptions = (command: Commander): Commander =>
  command
    .option(
      '--bandwidth <rate>',
      'Read, and write, at most so many bytes a second at each store: 500k, 10M, 1.5G, or none.',
    )
    .option('--requests-per-second <count>', 'Send at most so many requests a second to each store, or none.')
    .option('--concurrency <count>', 'Have at most so many requests under way at once at each store, or none.');

/** The same for `plan`, which says what they cost. */
export const addReckonedLimits = (command: Commander): Commander =>
  command
    .option('--bandwidth <rate>', 'Reckon with this limit, as migrate keeps to it: 500k, 10M, 1.5G, or none.')
    .option('--requests-per-second <count>', 'Reckon with this limit, as migrate keeps to it, or none.')
    .option('--concurrency <count>', 'Measure with at most so many requests at once at each store, or none.');

const port = (text: string): number => {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw new InvalidArgumentError('It must be a port, from 0 to 65535.');
  return value;
};

/** What every command takes that works on a migration: how it is limited and watched. */
export const addRunOptions = (command: Commander): Commander =>
  addLimitOptions(command)
    .option('--memory <size>', 'Hold at most so much of documents in memory at once: 16M, 1G. Default: by the machine.')
    .option(
      '--report <file>',
      'When it has ended, write a report to this file: a page for people (.html) or data (.json).',
    )
    .option('--metrics-port <port>', 'Serve metrics for Prometheus while it runs; 0 takes a free port.', port)
    .option('--metrics-host <address>', 'Where to serve them. Default: 127.0.0.1.')
    .option(
      '--on-finish <command>',
      'Have a shell run this when it has ended, however it ended, with the result in ANCHORE_MIGRATION_*.',
    );
