import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureAnchoreTables } from '../../src/database/schema/anchore-tables.ts';
import type { Plan } from '../../src/manager/plan/plan.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { type S3Server, startFauxqs } from '../support/fauxqs.ts';
import { MANAGER, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startCountingProxy } from './counting-proxy.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let s3: S3Server;
let folder: string;
let from: string;
let to: string;

const SECRET = 'a-secret-never-to-be-shown';

before(async () => {
  configs = await createConfigs();
  s3 = await startFauxqs();
  from = await configs.write('config.yaml', 'db');
  folder = join(configs.folder, 'archive');
  to = await configs.write('dest-config.yaml', 'localfs', `{archive_data_dir: ${folder}}`);
});

beforeEach(async () => {
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
});

after(async () => {
  await s3[Symbol.asyncDispose]();
  await configs[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]) => runManager(['archivestorage', '--db-connect', database.url, ...args]);

/** The plan as JSON, and its exit code. `--force`, since folders of tests lie on a file system that may not last. */
const plan = async (...args: readonly string[]): Promise<{ readonly code: number | null; readonly made: Plan }> => {
  const { code, stdout, stderr } = await run('plan', ...args, '--force', '--json');
  assert.ok(stdout.startsWith('{'), `${stdout}\n${stderr}`);
  assert.ok(!`${stdout}${stderr}`.includes(SECRET));
  return { code, made: JSON.parse(stdout) as Plan };
};

const refusals = ({ problems }: Plan): readonly string[] =>
  problems.filter(({ severity }) => severity === 'refuse').map(({ code }) => code);

/** Everything that a plan could change in the database. */
const state = async (): Promise<unknown> =>
  database.query(
    `SELECT (SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public') AS tables,
            (SELECT md5(string_agg(m::text, '' ORDER BY m::text)) FROM archive_metadata m) AS metadata,
            (SELECT count(*)::int FROM archive_document) AS db, (SELECT count(*)::int FROM object_storage) AS db2,
            (SELECT count(*)::int FROM tasks) AS tasks, (SELECT last_value::int FROM tasks_id_seq) AS last_task`,
  );

const s3Options = (bucket: string, more = ''): string =>
  `{url: '${s3.url}', bucket: ${bucket}, access_key: AKIA, secret_key: ${SECRET}${more}}`;

describe('plan', () => {
  test('says what would happen, within 80 columns, and changes nothing', async () => {
    const untouched = await state();
    const { code, stdout, stderr } = await run('plan', from, to, '--force');
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(await state(), untouched);
    assert.deepEqual((await readdir(configs.folder)).toSorted(), ['config.yaml', 'dest-config.yaml']);
    assert.match(stdout, /^Plan\. Nothing was changed\.$/m);
    assert.match(stdout, /^To +folder .*which\s+migrate\s+will\s+create$/m);
    assert.match(stdout, /^ {2}analysis_data +112 +10\.3 MiB$/m);
    assert.match(stdout, /^ {2}together +500 +18\.9 MiB$/m);
    assert.match(stdout, /^ {2}up to 100\.0 KiB +285 +4\.6 MiB$/m);
    assert.match(stdout, /^Downtime +(about|less)/m);
    assert.match(stdout, /^Room needed +about .* there, of .* free$/m);
    assert.match(stdout, /^ +about 976\.6 KiB in the database, for the journal; a database$/m);
    assert.match(stdout, /^Tried on TO +list \d+ ms, write \d+ ms, read \d+ ms, compare \d+ ms, delete \d+ ms$/m);
    assert.match(stdout, /^ {2}storage_driver\.name +"db" -> "localfs"$/m);
    assert.match(stdout, /^migrate would begin\.$/m);
    const wide = stdout
      .split('\n')
      .filter((line) => line.length > 80 && !/anchore-manager archivestorage|\//.test(line));
    assert.deepEqual(wide, []);
  });

  test('ends with the exact next command, which works', async () => {
    const { made } = await plan(from, to, '--nodelete');
    const [step] = made.next;
    assert.ok(step !== undefined && step.command.includes('--db-connect "${db}" migrate '), step?.command);
    const { status, stderr } = spawnSync('sh', ['-c', `${step.command} --dontask`], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(MANAGER, '..')}:${process.env['PATH']}`, db: database.url },
    });
    await rm(folder, { recursive: true });
    assert.equal(status, 0, stderr);
    const [journal] = await database.query<{ bytes: number }>(
      `SELECT pg_total_relation_size('archive_mover_document')::int AS bytes`,
    );
    const share = (journal?.bytes ?? 0) / made.space.journalBytes;
    // How much room changed rows leave behind depends on when the server gets to use it again: of 500 rows much, of many little.
    assert.ok(share > 0.7 && share < 2, `the journal takes ${share} of what was said`);
  });

  test('as JSON: one object of a stable shape, with the estimate in seconds', async () => {
    const { code, made } = await plan(from, to);
    assert.equal(code, 0);
    assert.deepEqual(
      Object.keys(made).toSorted(),
      `arrivedWith continued database differences estimate exit forecast from holdings keepsSource limits next problems read
       refused space to trials unmeasured`.split(/\s+/),
    );
    const { estimate, forecast } = made;
    assert.ok(estimate !== null);
    for (const range of [estimate.copySeconds, estimate.downtimeSeconds, estimate.downtimeAfterPrecopySeconds])
      assert.ok(range.low > 0 && range.low <= range.likely && range.likely <= range.high, JSON.stringify(range));
    assert.deepEqual([forecast.documents, forecast.left, forecast.largest.length], [500, [], 5]);
    assert.equal(made.to.state, 'created');
    assert.deepEqual([made.read.unreadable, made.read.documents > 50], [0, true]);
  });

  test('migrate --dry-run is the same, and asks nothing', async () => {
    const untouched = await state();
    const { code, stdout } = await run('migrate', from, to, '--force', '--dry-run');
    assert.equal(code, 0);
    assert.match(stdout, /^Plan\. Nothing was changed\.$/m);
    assert.deepEqual(await state(), untouched);
  });

  test('limits of bytes and of requests a second are reckoned with, in plan and in migrate --dry-run', async () => {
    const likely = ({ estimate }: Plan): number => estimate?.copySeconds.likely ?? Number.NaN;
    const free = await plan(from, to);
    const { made } = await plan(from, to, '--bandwidth', '100k');
    // 18.9 MiB at 100 KiB/s.
    assert.ok(likely(made) > 185 && likely(made) < 205 && likely(free.made) < 60, `${likely(made)}`);
    assert.deepEqual(made.limits, { bandwidthBytesPerSecond: 102_400, requestsPerSecond: null, concurrency: null });
    assert.match(made.next[0]?.command ?? '', / migrate .* --force --bandwidth 100k$/);

    await s3.createBucket('slow');
    const bucket = await configs.write('slow.yaml', 's3', s3Options('slow'));
    const slowly = ['--requests-per-second', '0.5', '--json'];
    const dry = await run('migrate', from, bucket, '--force', '--dry-run', ...slowly);
    assert.equal(dry.code, 0, dry.stderr);
    // One request or two for each of 500 documents.
    const asked = likely(JSON.parse(dry.stdout) as Plan);
    assert.ok(asked >= 1_000 && asked < 2_200, `${asked}`);

    const { stdout } = await run('plan', from, to, '--force', '--bandwidth', '100k', '--concurrency', '2');
    assert.match(stdout, /^Limited to +at most 100\.0 KiB\/s, at most 2 requests at once,/m);
    assert.equal((await run('plan', from, to, '--concurrency', 'many')).code, 2);
  });

  test('requests at once are limited while it measures', async () => {
    await s3.createBucket('narrow');
    await using proxy = await startCountingProxy(s3.url);
    const narrow = await configs.write('narrow.yaml', 's3', s3Options('narrow').replace(s3.url, proxy.url));
    const most = async (...more: readonly string[]): Promise<number> => {
      proxy.most = 0;
      const { code, made } = await plan(from, narrow, ...more);
      assert.equal(code, 0, JSON.stringify(made.problems));
      assert.ok((made.estimate?.measured.documents ?? 0) > 0);
      return proxy.most;
    };
    assert.ok((await most()) > 2);
    assert.equal(await most('--concurrency', '2'), 2);
  });

  test('what limit has asked of the migration that is continued holds', async () => {
    const db2 = await configs.write('db2.yaml', 'db2');
    assert.equal((await run('precopy', from, db2, '--bucket', 'query_data', '--bandwidth', '10M')).code, 0);
    const { made } = await plan(from, db2, '--bucket', 'query_data', '--requests-per-second', '5');
    assert.notEqual(made.continued, null);
    assert.deepEqual(made.limits, { bandwidthBytesPerSecond: 10 * 2 ** 20, requestsPerSecond: 5, concurrency: null });
    const lifted = await plan(from, db2, '--bucket', 'query_data', '--bandwidth', 'none');
    assert.equal(lifted.made.limits.bandwidthBytesPerSecond, null);
  });

  test('a table as destination: the copies of the trial are gone', async () => {
    const untouched = await state();
    const { code, made } = await plan(from, await configs.write('db2.yaml', 'db2'));
    assert.equal(code, 0, JSON.stringify(made.problems));
    assert.ok((made.estimate?.measured.documents ?? 0) > 0, made.unmeasured ?? '');
    assert.deepEqual(await state(), untouched);
  });

  test('a bucket: what it holds is told, nothing is left in it; one that is not there is not created', async () => {
    await s3.createBucket('there');
    const { code, made } = await plan(from, await configs.write('s3.yaml', 's3', s3Options('there')));
    assert.equal(code, 0, JSON.stringify(made.problems));
    assert.deepEqual(made.holdings, { objects: 0, bytes: 0, complete: true });
    assert.ok(made.estimate !== null);
    assert.deepEqual(await s3.listKeys('there'), []);
    assert.equal(made.space.freeBytes, null);
    const { stdout } = await run('plan', from, await configs.write('s3.yaml', 's3', s3Options('there')), '--force');
    assert.match(stdout.replaceAll(/\s+/g, ' '), /about [^,]* there, which does not say how much is free/);
    const absent = await plan(from, await configs.write('s3.yaml', 's3', s3Options('absent', ', create_bucket: true')));
    assert.deepEqual([absent.code, absent.made.to.state, absent.made.estimate], [0, 'created', null]);
    assert.match(absent.made.unmeasured ?? '', /does not exist yet/);
    await assert.rejects(s3.listKeys('absent'), /NoSuchBucket|404/);
  });

  test('the embedded database, whose one connection the trial holds', async () => {
    const embedded = join(configs.folder, 'embedded');
    const url = `embedded:${embedded}`;
    {
      await using db = await openDatabase({ kind: 'embedded', folder: embedded, shownUrl: url });
      await ensureAnchoreTables(db);
      const settings = {
        driver: { name: 'db', options: {} },
        compression: { enabled: false, minSizeKbytes: 100 },
      } as const;
      const { signal } = new AbortController();
      await using opened = await openStore(db, settings, { environment: {}, prepare: false, reliability: {}, signal });
      for (let n = 0; n < 20; n += 1) {
        const key = { userId: 'admin', bucket: 'analysis_data', archiveId: `a${n}`, documentName: `a${n}.json` };
        await putDocument(db, opened.store, key, Buffer.from(JSON.stringify({ document: n })));
      }
    }
    const db2 = await configs.write('db2.yaml', 'db2');
    const { code, stdout, stderr } = await runManager([
      'archivestorage',
      '--db-connect',
      url,
      'plan',
      from,
      db2,
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    const made = JSON.parse(stdout) as Plan;
    assert.deepEqual([made.problems, made.forecast.documents, made.read.documents], [[], 20, 20]);
    assert.ok(made.estimate !== null);
    await rm(embedded, { recursive: true });
  });

  test('beside a run that goes on nothing is measured', async () => {
    const client = await database.connect();
    try {
      await client.query('SELECT pg_advisory_lock(2, 1)');
      const { code, made } = await plan(from, to);
      assert.deepEqual([code, refusals(made), made.unmeasured], [3, ['refused.lock-held'], 'a migration is running']);
      assert.equal(made.read.unreadable, 0);
    } finally {
      await client.end();
    }
  });
});

describe('plan finds every problem at once', () => {
  test('services, a destination that is not there, documents that are missing or damaged: exit 3', async () => {
    await database.query(
      `INSERT INTO services (hostid, servicename, heartbeat) VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer)`,
    );
    await database.query(
      `DELETE FROM archive_document WHERE ("archiveId", bucket) IN
         (SELECT "archiveId", bucket FROM archive_metadata WHERE bucket = 'query_data' ORDER BY 1 LIMIT 1)`,
    );
    await database.query(
      `UPDATE archive_metadata SET digest = md5('other') WHERE ("archiveId", bucket) IN
         (SELECT "archiveId", bucket FROM archive_metadata WHERE bucket = 'manifest_data' ORDER BY 1 LIMIT 1)`,
    );
    const elsewhere = await configs.write('s3.yaml', 's3', s3Options('nowhere'));
    const { code, stdout } = await run('plan', from, elsewhere, '--deep', '--json');
    const made = JSON.parse(stdout) as Plan;
    assert.equal(code, 3);
    assert.deepEqual(refusals(made).toSorted(), [
      'document.corrupt',
      'document.missing',
      'refused.services-running',
      'store.container-missing',
    ]);
    assert.deepEqual(made.read, { documents: 500, unreadable: 2, all: true });
    assert.match(made.next[0]?.command ?? '', / plan .*config\.yaml .*s3\.yaml$/);
    for (const { remedy } of made.problems) assert.ok(remedy.length > 10);
  });

  test('services alone: precopy can be run now, migrate once they have stopped', async () => {
    await database.query(
      `INSERT INTO services (hostid, servicename, heartbeat) VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer)`,
    );
    const { code, stdout } = await run('plan', from, await configs.write('db2.yaml', 'db2'), '--json');
    const made = JSON.parse(stdout) as Plan;
    assert.deepEqual([code, refusals(made)], [3, ['refused.services-running']]);
    assert.deepEqual(
      made.next.map(({ command }) => / (precopy|migrate) /.exec(command)?.[1]),
      ['precopy', 'migrate'],
    );
    assert.ok(made.estimate !== null, 'measured all the same');
  });

  test('a damaged document is no hindrance with --skip-failed, and is still told', async () => {
    await database.query(`UPDATE archive_metadata SET digest = md5('other') WHERE bucket = 'policy_bundles'`);
    const { code, made } = await plan(from, to, '--skip-failed', '--deep');
    assert.equal(code, 0);
    const told = made.problems.find((problem) => problem.code === 'document.corrupt');
    assert.equal(told?.severity, 'warn');
    assert.match(told?.message ?? '', /^23 of 500 documents cannot be moved: .*; and 18 more$/);
  });

  test('the same store, and an option that cannot tell stores apart', async () => {
    const { code, made } = await plan(from, from);
    assert.equal(code, 3);
    assert.ok(refusals(made).includes('refused.same-store'));
  });

  test('a store that cannot be reached: exit 4, and the rest is told', async () => {
    const dead = await configs.write(
      'dead.yaml',
      's3',
      `{url: 'http://127.0.0.1:1', bucket: b, access_key: a, secret_key: ${SECRET}}`,
    );
    const { code, made } = await plan(from, dead);
    assert.deepEqual([code, made.to.state, refusals(made)], [4, 'unusable', ['store.unreachable']]);
    assert.deepEqual([made.forecast.documents, made.read.unreadable], [500, 0]);
  });

  test('another migration that is unfinished, or this one, which goes on where it was', async () => {
    const db2 = await configs.write('db2.yaml', 'db2');
    assert.equal((await run('precopy', from, db2)).code, 0);
    const other = await plan(from, to);
    assert.equal(other.code, 3);
    assert.deepEqual(refusals(other.made), ['refused.unfinished']);
    const untouched = await state();
    const same = await plan(from, db2);
    assert.equal(same.code, 0, JSON.stringify(same.made.problems));
    assert.deepEqual([same.made.continued?.copied, same.made.unmeasured], [500, 'nothing is left to copy']);
    assert.deepEqual(await state(), untouched);
  });

  test('documents that lie elsewhere do not move, and are told', async () => {
    await database.query(
      `UPDATE archive_metadata SET content_url = replace(content_url, 'db://', 's3://b/') WHERE bucket = 'query_data'`,
    );
    const { code, made } = await plan(from, to);
    assert.equal(code, 0);
    assert.equal(made.forecast.documents, 416);
    assert.deepEqual(
      made.forecast.left.map(({ reason, scheme, documents }) => ({ reason, scheme, documents })),
      [{ reason: 'skipped.elsewhere', scheme: 's3', documents: 84 }],
    );
  });

  test('a folder that may not be written to', async () => {
    const { code, made } = await plan(
      from,
      await configs.write('proc.yaml', 'localfs', '{archive_data_dir: /proc/archive}'),
    );
    assert.equal(code, 3);
    assert.deepEqual(refusals(made), ['store.denied', 'store.full']);
    assert.ok(!existsSync('/proc/archive'));
  });
});
