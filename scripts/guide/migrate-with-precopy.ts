import { BackgroundWriter } from './background-writer.ts';
import { expectSameDocuments, hashDocuments, writeManySources } from './documents.ts';
import { expectPlace } from './expectations.ts';
import { MANAGER, type Stage } from './stage.ts';

const BULK = 400;

const withoutWritten = (documents: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...documents].filter(([key]) => !key.startsWith('written_meanwhile/')));

/** What a run measured; times in seconds. */
export interface Downtime {
  /** From the beginning of the service's stop until it can be used again. */
  readonly seconds: number;
  /** Of them. */
  readonly stopping: number;
  readonly migrating: number;
  readonly starting: number;
  readonly documents: number;
  readonly writes: number;
}

/** The long part while the service runs and takes writes; then stop, migrate, start. */
export const playWithPrecopy = async (stage: Stage): Promise<Downtime> => {
  const { place, transcript } = stage;
  const { shell } = place;
  await writeManySources(shell.folder, BULK);
  await stage.run('anchore-cli document put bulk documents/bulk --raw');
  const before = await hashDocuments(shell);

  const writer = new BackgroundWriter(place);
  const precopy = `${MANAGER} precopy config/config.yaml config/dest-config.yaml`;
  await stage.run(precopy);
  const writesBefore = writer.acknowledged;
  if (writesBefore === 0) throw new Error('nothing was written while the documents were copied');
  await stage.run(precopy);

  const startedMs = performance.now();
  await stage.stopEngine();
  const stoppedMs = performance.now();
  const migrated = await stage.runAnswering(`${MANAGER} migrate config/config.yaml config/dest-config.yaml`);
  const copied = await stage.run('cp config/dest-config.yaml config/config.yaml');
  const migratedMs = performance.now();
  await stage.startEngine();
  const readyMs = performance.now();

  const looked = await writer.finish();
  const after = await hashDocuments(shell);
  expectSameDocuments(before, withoutWritten(after), 'after precopy and migration');
  await expectPlace(place, 's3', after.size);

  transcript.prose(
    '**With seconds of downtime.** While the service runs and others write to it, as often as you want:',
  );
  transcript.block({ line: precopy, output: '...' });
  transcript.prose('Then stop the services, and only what has changed since is left to do:');
  transcript.block({ line: migrated.line, output: '...' }, copied);
  return {
    seconds: (readyMs - startedMs) / 1000,
    stopping: (stoppedMs - startedMs) / 1000,
    migrating: (migratedMs - stoppedMs) / 1000,
    starting: (readyMs - migratedMs) / 1000,
    documents: before.size + looked,
    writes: writer.acknowledged,
  };
};
