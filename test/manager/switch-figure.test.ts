import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { MigrationReport } from '../../src/manager/report/migration-report.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import type { JsonLine } from './running-manager.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let db: string;
let db2: string;

before(async () => {
  configs = await createConfigs();
  db = await configs.write('config.yaml', 'db');
  db2 = await configs.write('dest-config.yaml', 'db2');
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  // A commit that takes its time: what is only checked then belongs to the switch as well.
  await database.query(
    `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.15); RETURN NULL; END $$`,
  );
  const [one] = await database.query<{ id: string }>('SELECT min("archiveId") AS id FROM archive_metadata');
  await database.query(
    `CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON archive_metadata DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW WHEN (NEW."archiveId" = '${one?.id}') EXECUTE FUNCTION wait()`,
  );
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const run = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runManager(['archivestorage', '--db-connect', database.url, ...args]);
  assert.equal(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
};

/** The same figure, but for what events are rounded by. */
const assertSame = (seconds: unknown, expected: number, where: string): void =>
  assert.ok(Math.abs(Number(seconds) - expected) < 0.002, `${where}: expected ${expected}; got ${String(seconds)}`);

for (const [id, options] of [
  ['1', ['--nodelete']],
  ['2', ['--move']],
] as const) {
  test(`how long the switch took is one figure, whoever tells it: ${options.join(' ')}`, async () => {
    const [from, to] = id === '1' ? [db, db2] : [db2, db];
    const lines = (await run('migrate', from, to, '--dontask', '--json', ...options))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonLine);
    const seconds = lines
      .filter((line) => line['event'] === 'switched')
      .reduce((sum, line) => sum + Number(line['seconds']), 0);
    assert.ok(seconds > 0.15, `the commit is part of it: ${seconds}`);
    assertSame(lines.at(-1)?.['switchSeconds'], seconds, 'the result');
    assertSame(lines.findLast((line) => line['event'] === 'ended')?.['switchSeconds'], seconds, 'the last event');
    const report = JSON.parse(await run('report', id, '--json')) as MigrationReport;
    assertSame(report.switchSeconds, seconds, 'the report');

    const shown = `${report.switchSeconds?.toFixed(2)} s`;
    assert.ok((await run('watch', id)).includes(`switched in ${shown},`));
    assert.ok((await run('report', id)).includes(` ${shown} for the switch;`));
    assert.ok((await run('show-migration', id)).includes(`, in ${shown}\n`));
  });
}
