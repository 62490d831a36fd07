import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { getTestPostgres, startPrivatePostgres } from './postgres.ts';

test('every database made from the fixture holds its 500 documents, and changes of one are not seen in another', async () => {
  const postgres = await getTestPostgres();
  const [first, second] = await Promise.all([
    postgres.createDatabase({ template: 'fixture' }),
    postgres.createDatabase({ template: 'fixture' }),
  ]);
  await using one = first;
  await using other = second;
  await one.query('DELETE FROM archive_document');
  assert.deepEqual(await other.query('SELECT count(*)::int AS n FROM archive_document'), [{ n: 500 }]);
  assert.deepEqual(await other.query('SHOW fsync'), [{ fsync: 'on' }]);
});

test('a private server keeps what it committed when it is killed and started again', async () => {
  await using server = await startPrivatePostgres();
  await using database = await server.createDatabase();
  await database.query('CREATE TABLE kept (n int)');
  await database.query('INSERT INTO kept VALUES (7)');
  await server.kill();
  await assert.rejects(database.query('SELECT 1'));
  await server.start();
  assert.deepEqual(await database.query('SELECT n FROM kept'), [{ n: 7 }]);
  await server.restart();
  assert.deepEqual(await database.query('SELECT n FROM kept'), [{ n: 7 }]);
});

for (const signal of ['SIGKILL', 'SIGTERM', undefined] as const) {
  test(`the server ends with the process that started it (${signal ?? 'by itself'})`, async () => {
    const code = `
      const { startPrivatePostgres } = await import(${JSON.stringify(new URL('postgres.ts', import.meta.url).href)});
      const server = await startPrivatePostgres();
      console.log(server.socketFolder);
      ${signal === undefined ? '' : 'setInterval(() => undefined, 1000);'}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const { value: folder = assert.fail('it did not start') } = await createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next();
    if (signal !== undefined) child.kill(signal);
    await ended;
    // The folder is the last to go, after the server's processes have ended.
    const deadline = Date.now() + 30_000;
    while (
      await access(folder).then(
        () => true,
        () => false,
      )
    ) {
      assert.ok(Date.now() < deadline, `${folder} is still there`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
}
