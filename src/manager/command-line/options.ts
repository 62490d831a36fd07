import { type Command as Commander, InvalidArgumentError, Option } from 'commander';

export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least)
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    return value;
  };

export const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

export const DONTASK = ['--dontask', 'Perform the operation without asking.'] as const;
export const FORCE = [
  '--force',
  'Go on although a safety check that can err refuses; what it found is still said.',
] as const;
export const READ_BACK = new Option(
  '--verify <how>',
  'How the destination proves a copy: read-back reads every one again.',
).choices(['read-back']);
export const RECLAIM = [
  '--reclaim',
  'After cleaning, have the table of a db or db2 source give back its room: TRUNCATE if it is empty, else VACUUM FULL.',
] as const;
export const BUCKET = [
  '--bucket <name>',
  'Only this logical bucket (analysis_data, manifest_data, ...), not a bucket of the store. Can be repeated.',
] as const;
export const FROM_ANALYSIS = ['--from-analysis-archive', 'Take the section analysis_archive of FROM.'] as const;
export const FROM = [
  '--from <config>',
  'Configuration file of its source, where it no longer lies where it did.',
] as const;
export const TO = [
  '--to <config>',
  'Configuration file of its destination, where it no longer lies where it did.',
] as const;
export const TO_ANALYSIS = ['--to-analysis-archive', 'Take the section analysis_archive of TO.'] as const;

/** What `migrate` takes, and `plan` with it, so that one line becomes the other by one word. */
export const addMigrateOptions = (command: Commander): Commander =>
  command
    .option('--nodelete', 'Leave the documents in the source; clean ID removes them later.')
    .option(...RECLAIM)
    .option(...DONTASK)
    .option(...BUCKET, collect)
    .option(...FROM_ANALYSIS)
    .option(...TO_ANALYSIS)
    .option('--skip-failed', 'Switch although documents failed; they stay on the source and are listed.')
    .option(
      '--move',
      'Free the source batch by batch, for lack of room for two copies; an interruption then leaves documents on both sides.',
    )
    .option(...FORCE)
    .addOption(READ_BACK);
