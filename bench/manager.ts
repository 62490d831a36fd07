import { join } from 'node:path';
import { REPOSITORY } from '../test/support/source-files.ts';
import { measureProcess } from './measure-process.ts';
import type { BenchDatabase, Place } from './place.ts';
import type { Sample } from './result.ts';
import { type BenchStore, writeConfig } from './stores.ts';

/** The command as it is started: the launcher of the checkout, or Node and the compiled program. */
export type Command = readonly [program: string, ...args: readonly string[]];

export const MANAGER: Command = [join(REPOSITORY, 'bin/anchore-manager')];

export interface Migration {
  readonly database: BenchDatabase;
  readonly from: BenchStore;
  readonly to: BenchStore;
  readonly documents: number;
  readonly bytes?: number;
  readonly compressed?: boolean;
  readonly command?: Command;
  /** Options of `migrate`, where not the default is measured. */
  readonly options?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

interface Report {
  readonly outcome: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly switchSeconds: number | null;
}

/** As far as it is needed of what `plan --json` prints. */
interface PlanReport {
  readonly estimate: { readonly downtimeSeconds: { readonly likely: number } } | null;
}

/** Seconds that `plan` says this migration will take, from start to end. */
export const estimateMigration = async (place: Place, migration: Migration): Promise<number> => {
  const from = await writeConfig(place, migration.from);
  const to = await writeConfig(place, migration.to);
  const group = ['archivestorage', '--db-connect-file', migration.database.urlFile, '--json'];
  const { stdout } = await measureProcess(MANAGER[0], [...group, 'plan', from, to], {
    ...(migration.signal && { signal: migration.signal }),
  });
  const { estimate } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as PlanReport;
  if (estimate === null) throw new Error(`plan gave no estimate: ${stdout}`);
  return estimate.downtimeSeconds.likely;
};

/** Runs the whole command, its start and the deletion of the source included. Throws where it did not move everything. */
export const measureMigration = async (place: Place, migration: Migration): Promise<Sample> => {
  const { database, documents, command: [program, ...before] = MANAGER, compressed = false } = migration;
  const from = await writeConfig(place, migration.from, { compressed: compressed && migration.from.driver !== 'db' });
  const to = await writeConfig(place, migration.to, { compressed });
  await place.settle();
  const group = ['archivestorage', '--db-connect-file', database.urlFile, '--json'];
  const cost = await measureProcess(
    program,
    [...before, ...group, 'migrate', from, to, '--dontask', ...(migration.options ?? [])],
    {
      ...(migration.environment && { environment: migration.environment }),
      ...(migration.signal && { signal: migration.signal }),
    },
  );
  const report = JSON.parse(cost.stdout.trim().split('\n').at(-1) ?? '') as Report;
  if (report.outcome !== 'complete' || report.counts['cleaned'] !== documents)
    throw new Error(`${JSON.stringify(report)}\n${cost.stderr.slice(-4000)}`);
  return {
    wallSeconds: cost.wallSeconds,
    documents,
    ...(migration.bytes !== undefined && { bytes: migration.bytes }),
    cpuSeconds: cost.cpuSeconds,
    peakMemoryBytes: cost.peakMemoryBytes,
    more: { ...(report.switchSeconds !== null && { switchSeconds: report.switchSeconds }) },
  };
};
