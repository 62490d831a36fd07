import { loadavg } from 'node:os';
import { describeMachine, findRevision } from './machine.ts';
import type { BenchOptions } from './options.ts';
import { Place } from './place.ts';
import { summarise } from './report/summary.ts';
import { judge, type KeptResult } from './result.ts';
import { keepResult } from './results.ts';
import type { Row } from './row.ts';

interface MeasureContext {
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

interface Measured {
  readonly results: readonly KeptResult[];
  /** How many rows could not be measured. */
  readonly failed: number;
}

const measureRow = async (row: Row, place: Place, { options, say, signal }: MeasureContext): Promise<KeptResult> => {
  const before = loadavg()[0] ?? 0;
  const { full, runs, documents } = options;
  const measured = await row.measure({
    place,
    folder: place.folder,
    settle: () => place.settle(),
    full,
    runs,
    documents,
    say,
    signal,
  });
  const result: KeptResult = {
    row: row.name,
    title: row.title,
    mode: full ? 'full' : 'quick',
    revision: await findRevision(),
    servers: await Promise.all(row.servers.map((server) => place.describeServer(server))),
    machine: describeMachine(await place.readPostgresVersion()),
    loadAverage: [before, loadavg()[0] ?? 0],
    ...measured,
    // Against a rival that this machine does not have, nothing was measured.
    claims: measured.claims.filter(({ values }) => values.length > 0).map(judge),
  };
  await keepResult(result);
  for (const line of summarise([result])) say(line);
  return result;
};

const findMissing = async (row: Row, place: Place): Promise<readonly string[]> => {
  const missing: string[] = [];
  for (const server of row.servers) if (!(await place.isAvailable(server))) missing.push(server);
  return missing;
};

/** Measures one row after the other, each with servers and data of its own. One that fails is said, and the others go on. */
export const measureRows = async (rows: readonly Row[], context: MeasureContext): Promise<Measured> => {
  const { options, say, signal } = context;
  const results: KeptResult[] = [];
  let failed = 0;
  await using place = await Place.open(options.folder);
  for (const [index, row] of rows.entries()) {
    const missing = await findMissing(row, place);
    if (missing.length > 0) {
      say(`${row.name}: left out, this machine does not have ${missing.join(', ')}`);
      continue;
    }
    const started = performance.now();
    say(`${row.name} (${index + 1} of ${rows.length}): ${row.title}`);
    try {
      results.push(await measureRow(row, place, context));
    } catch (error) {
      if (signal.aborted) throw error;
      failed += 1;
      say(`${row.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    } finally {
      await place.clear();
    }
    say(`${row.name}: ${((performance.now() - started) / 1000).toFixed(0)} s in all\n`);
  }
  return { results, failed };
};
