import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Finished, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

const SIZE_BYTES = 600 * 1024 * 1024;

let configs: TemporaryConfigs;
let database: TestDatabase;
let from: string;
let to: string;

before(async () => {
  configs = await createConfigs();
  from = await configs.write('config.yaml', 'db');
  to = await configs.write('dest-config.yaml', 'db2');
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  // What is refused is refused by what the row says.
  await database.query(
    `UPDATE archive_metadata SET size = $1
      WHERE "archiveId" = (SELECT min("archiveId") FROM archive_metadata WHERE bucket = 'analysis_data') AND bucket = 'analysis_data'`,
    [SIZE_BYTES],
  );
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const run = async (expectedCode: number, ...args: readonly string[]): Promise<Finished> => {
  const finished = await runManager(['archivestorage', '--db-connect', database.url, ...args]);
  assert.equal(finished.code, expectedCode, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
  return finished;
};

const SENTENCE =
  /1 document is too large for table public\.object_storage in \S+, which holds at most \d+ bytes in one; the largest is analysis_data\/\S+ with 629145600/;

test('check says which documents a store cannot hold', async () => {
  const { stderr } = await run(0, 'check', to);
  assert.match(stderr, SENTENCE);
  assert.match(stderr, /migrate refuses this without --skip-failed/);
});

test('migrate refuses before anything is copied', async () => {
  const { stderr } = await run(3, 'migrate', from, to, '--dontask');
  assert.match(stderr, SENTENCE);
  assert.match(stderr, /code: {3}refused\.too-large/);
  assert.deepEqual(await database.query('SELECT count(*)::int AS count FROM object_storage'), [{ count: 0 }]);
});

test('--skip-failed moves the others', async () => {
  await run(1, 'migrate', from, to, '--dontask', '--skip-failed');
  assert.deepEqual(await database.query('SELECT count(*)::int AS count FROM object_storage'), [{ count: 499 }]);
});
