import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { DEFAULT_SETTINGS } from '../../src/migration/run.ts';
import { type PrivatePostgres, startPrivatePostgres } from '../support/postgres.ts';
import { PLAIN } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const DOCUMENTS = 5_000;
const BATCH = 20;
/** What one step of one statement may look at, in rows for each document. A loop within a loop would be thousands. */
const ROWS_PER_DOCUMENT = 20;
/** The same for the largest steps of all statements together. Were the whole journal looked at for each batch, it would be 500 at least. */
const ALL_ROWS_PER_DOCUMENT = 200;
/** Measured: 4 s; this only ends what would never end. */
const ENDLESS_MS = 120_000;

/** One step of a plan that was carried out, as EXPLAIN (ANALYZE, FORMAT JSON) writes it. */
interface PlanStep {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Plans'?: readonly PlanStep[];
}

interface Statement {
  readonly text: string;
  /** The most rows that one of its steps has looked at, whether it kept them or not. */
  readonly rows: number;
}

const countRows = (step: PlanStep): number => {
  const removed =
    (step['Rows Removed by Filter'] ?? 0) +
    (step['Rows Removed by Join Filter'] ?? 0) +
    (step['Rows Removed by Index Recheck'] ?? 0);
  const own = (step['Actual Rows'] + removed) * step['Actual Loops'];
  return Math.max(own, ...(step.Plans ?? []).map(countRows));
};

/** The statements that auto_explain has written to the server's log. */
const parseLog = (log: string): readonly Statement[] =>
  log
    .split(/^(?=\S)/m)
    .flatMap((entry) => {
      const start = entry.indexOf('plan:\n');
      return start === -1 ? [] : [JSON.parse(entry.slice(start + 6)) as { 'Query Text': string; 'Plan': PlanStep }];
    })
    .map((plan) => ({ text: plan['Query Text'], rows: countRows(plan.Plan) }));

describe(`a second migration of ${DOCUMENTS} documents`, { timeout: ENDLESS_MS }, () => {
  const resources = new AsyncDisposableStack();
  let postgres: PrivatePostgres;
  let db: Database;

  before(async () => {
    postgres = resources.use(
      await startPrivatePostgres({
        settings: {
          'synchronous_commit': 'off',
          'autovacuum': 'off', // the test says when the planner learns of what
          'session_preload_libraries': 'auto_explain',
          'auto_explain.log_min_duration': '0',
          'auto_explain.log_analyze': 'on',
          'auto_explain.log_timing': 'off',
          'auto_explain.log_format': 'json',
        },
      }),
    );
    const { url } = await postgres.createDatabase();
    db = resources.use(await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} })));
    await ensureTables(db);
  });
  after(() => resources.disposeAsync());

  test('no statement looks at more than a few rows for each document, though the planner knows of the first alone', async (context) => {
    const place = await MemoryPlace.open(db);
    const from = place.from;
    const to = { ...place.to, codec: PLAIN };
    await db.query(
      `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size,
                                     created_at, last_updated, record_state_key)
       SELECT 'analysis_data', id, 'admin', id || '.json', 'memory://a/admin/analysis_data/' || id, false, md5(id), length(id),
              1, 1, 'active'
         FROM (SELECT 'sha256:' || md5(n::text) AS id FROM generate_series(1, $1::integer) n) documents`,
      [DOCUMENTS],
    );
    const { rows } = await db.query<{ url: string; id: string }>(
      'SELECT content_url AS url, "archiveId" AS id FROM archive_metadata',
    );
    for (const { url, id } of rows) place.spaces.find('from').set(url, Buffer.from(id));

    const settings = { ...DEFAULT_SETTINGS, quietPeriodMs: 10, chunkSize: 25 * BATCH, batchSize: BATCH };
    assert.equal((await place.migrate(from, to, { keepSource: true }, { settings })).outcome, 'complete');
    await db.query('ANALYZE');
    const earlier = (await postgres.readLog()).length;
    const result = await place.migrate(to, await place.openStore('third', 'c/'), {}, { settings });
    assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', DOCUMENTS]);

    const statements = parseLog((await postgres.readLog()).slice(earlier));
    for (const part of [
      'INSERT INTO archive_mover_document',
      'UPDATE archive_metadata m',
      'WITH shared AS MATERIALIZED',
    ])
      assert.ok(
        statements.some(({ text }) => text.includes(part)),
        `${part}: not in the log`,
      );
    const worst = statements.toSorted((one, other) => other.rows - one.rows)[0];
    assert.ok((worst?.rows ?? 0) <= ROWS_PER_DOCUMENT * DOCUMENTS, `${worst?.rows} rows: ${worst?.text}`);
    const all = statements.reduce((sum, { rows: each }) => sum + each, 0);
    context.diagnostic(`${statements.length} statements, ${all / DOCUMENTS} rows a document`);
    assert.ok(all <= ALL_ROWS_PER_DOCUMENT * DOCUMENTS, `${all} rows in ${statements.length} statements`);
    assert.ok(statements.length < DOCUMENTS / 2, `${statements.length} statements: some are sent for each document`);
  });
});
