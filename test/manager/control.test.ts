import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Finished, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { type JsonLine, startManager } from './running-manager.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let from: string;
let to: string;

before(async () => {
  configs = await createConfigs();
  from = await configs.write('config.yaml', 'db');
  to = await configs.write('dest-config.yaml', 'db2');
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

/** So small batches and so few requests that a run lasts until it is told to hurry. */
const SLOW = {
  ANCHORE_MANAGER_TEST_HOOKS: JSON.stringify({ settings: { batchSize: 10, chunkSize: 20, batchesInFlight: 1 } }),
};
const group = (): readonly string[] => ['archivestorage', '--db-connect', database.url];
const run = async (expectedCode: number, ...args: readonly string[]): Promise<Finished> => {
  const finished = await runManager([...group(), ...args]);
  assert.equal(finished.code, expectedCode, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
  return finished;
};
const isProgress = (line: JsonLine): boolean => line['event'] === 'progress';

/** What every line must be; here, unlike for a reader, nothing may come that is not described. */
const checkEvents = async (lines: readonly JsonLine[]): Promise<ReadonlySet<unknown>> => {
  const text = await readFile(new URL('../../docs/events.schema.json', import.meta.url), 'utf8');
  const ajv = new Ajv2020({ validateFormats: false });
  const validate = ajv.compile(
    JSON.parse(text.replaceAll('"additionalProperties": true', '"additionalProperties": false')) as object,
  );
  const events = lines.filter((line) => 'event' in line);
  for (const event of events)
    assert.ok(validate(event), `${JSON.stringify(event)}\n${ajv.errorsText(validate.errors)}`);
  return new Set(events.map((event) => event['event']));
};

test('a running migration is watched, paused, limited and resumed from other processes', async () => {
  await using migration = startManager(
    [...group(), 'migrate', from, to, '--dontask', '--nodelete', '--requests-per-second', '4'],
    SLOW,
  );
  await migration.waitFor('copied', (line) => isProgress(line) && Number(line['copied']) > 0);
  await using watching = startManager([...group(), 'watch']);
  await watching.waitFor('saw it', isProgress);

  const paused = await run(0, 'pause', '1');
  assert.match(
    paused.stdout,
    /^Copying \(paused\): \d+ %, \d+ of 500 documents, .*\n.* lets it go on:\n {2}anchore-manager archivestorage .*resume 1\n/,
  );
  const { copied } = await migration.waitFor('paused', (line) => isProgress(line) && line['hold'] === 'paused');
  await sleep(1500);
  assert.equal(migration.lines.findLast(isProgress)?.['copied'], copied, 'nothing is copied while it is paused');
  await watching.waitFor('saw the pause', (line) => isProgress(line) && line['hold'] === 'paused');
  await run(3, 'migrate', from, to, '--dontask'); // it has kept its lock

  const limits = ['--requests-per-second', 'none', '--bandwidth', '900M', '--concurrency', '50'];
  assert.match((await run(0, 'limit', '1', ...limits)).stdout, /goes by it: 900\.0 MiB\/s, any number .*, 50 at once/);
  assert.match((await run(0, 'resume', '1')).stdout, /^Migration 1 goes on/);
  assert.equal(await migration.ended, 0, migration.stderr());
  assert.equal(await watching.ended, 0, watching.stderr());

  const seen = await checkEvents(migration.lines);
  assert.deepEqual(seen, new Set(['started', 'phase', 'progress', 'control', 'switched', 'ended']));
  const who = migration.lines.filter((line) => line['event'] === 'control').map((line) => line['by']);
  assert.match(String(who.at(-1)), /^.+@.+/);
  const [result] = migration.lines.slice(-1);
  assert.deepEqual([result?.['outcome'], 'event' in (result ?? {})], ['complete', false]);
  await checkEvents(watching.lines);
  const last = watching.lines.at(-1);
  assert.deepEqual(
    [last?.['event'], last?.['outcome'], last?.['exit'], last?.['copied']],
    ['ended', 'complete', 0, 500],
  );

  const text = (await run(0, 'watch', '1')).stdout;
  assert.match(text, /^Migration 1 \(migrate\) has ended after .*: complete\n {2}500 of 500 documents/);
});

test('what does not run is not paused, and a limit has to be one', async () => {
  assert.match((await run(2, 'pause', '1')).stderr, /migration 1 does not run now/);
  assert.match((await run(2, 'limit', '1', '--concurrency', '2')).stderr, /migration 1 does not run now/);
  assert.match((await run(2, 'limit', '1')).stderr, /no limit is named/);
  assert.match((await run(2, 'watch', '77')).stderr, /migration 77 has not run/);
  for (const [option, value] of [
    ['--bandwidth', '10'],
    ['--bandwidth', 'fast'],
    ['--requests-per-second', '0'],
    ['--concurrency', '1.5'],
  ] as const)
    assert.match(
      (await run(2, 'limit', '1', option, value)).stderr,
      new RegExp(`${option}: expected .*; got "${value}"`),
    );
});

test('memory has to be a size from 16M', async () => {
  for (const value of ['15M', 'much', '-1', '17M/s'])
    assert.match(
      (await run(2, 'migrate', from, to, '--dontask', `--memory=${value}`)).stderr,
      new RegExp(`--memory: expected a size from 16M.*; got "${value}"`),
    );
});

test('a run that was killed is told as killed, and paused no more when it is continued', async () => {
  const killed = startManager([...group(), 'migrate', to, from, '--dontask', '--requests-per-second', '3'], SLOW);
  await killed.waitFor('copied', (line) => isProgress(line) && Number(line['copied']) > 0);
  await run(0, 'pause', '2');
  await using watching = startManager([...group(), 'watch', '2']);
  await watching.waitFor('saw it', isProgress);
  await killed[Symbol.asyncDispose]();
  assert.equal(await watching.ended, 130);
  await checkEvents(watching.lines);
  assert.equal(watching.lines.at(-1)?.['outcome'], 'killed');

  const again = await run(0, 'resume', '2', '--dontask', '--requests-per-second', 'none');
  assert.match(again.stderr, /Resuming migration 2/);
  const [one, two] = await database.query<{ outcome: string; exit_code: number | null }>(
    'SELECT outcome, exit_code FROM archive_mover_run WHERE migration_id = 2 ORDER BY epoch',
  );
  assert.deepEqual(
    [one, two],
    [
      { outcome: 'killed', exit_code: null },
      { outcome: 'complete', exit_code: 0 },
    ],
  );
});

test('what cannot be journalled of its progress holds up no run', async () => {
  await database.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON archive_mover_run FOR EACH STATEMENT EXECUTE FUNCTION refuse();
     CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON archive_mover_sample FOR EACH STATEMENT EXECUTE FUNCTION refuse();
     CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON archive_mover_control FOR EACH STATEMENT EXECUTE FUNCTION refuse();`,
  );
  const { stderr } = await run(0, 'migrate', from, to, '--dontask', '--debug', '--concurrency', '9');
  assert.match(stderr, /\[DEBUG\] The progress could not be journalled: .*no room/);
  await database.query(
    ['run', 'sample', 'control'].map((name) => `DROP TRIGGER refuse ON archive_mover_${name};`).join(' '),
  );
  await run(0, 'migrate', to, from, '--dontask', '--quiet');
});

test('an interruption is journalled, says how far it got, and pauses keep nobody from it', async () => {
  await using stopped = startManager(
    [...group(), 'migrate', from, to, '--dontask', '--requests-per-second', '3'],
    SLOW,
  );
  await stopped.waitFor('copied', (line) => isProgress(line) && Number(line['copied']) > 0);
  await run(0, 'pause', '5');
  stopped.child.kill('SIGINT');
  assert.equal(await stopped.ended, 130);
  assert.match(stopped.stderr(), /It got so far: copying, \d+ of 500 documents/);
  await checkEvents(stopped.lines);
  assert.deepEqual(
    stopped.lines.slice(-2).map((line) => line['event'] ?? Object.keys(line)),
    ['ended', ['error']],
  );
  assert.match((await run(130, 'watch', '5')).stdout, /has ended after .*: interrupted/);
  await run(0, 'resume', '5', '--dontask', '--quiet', '--bandwidth', 'none', '--requests-per-second', 'none');
});
