import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test, type TestContext } from 'node:test';
import { isAppError } from '../core/errors.ts';
import type { Database } from './database.ts';
import { openDatabase } from './open-database.ts';

/** A folder that is yet to be created, two levels deep. */
const planFolder = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'test-embedded-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'not', 'yet');
};

const open = (folder: string): Promise<Database> =>
  openDatabase({ kind: 'embedded', folder, shownUrl: `embedded:${folder}` });

test('a database that is closed right after a failed statement ends quietly', async (t) => {
  const db = await open(await planFolder(t));
  await assert.rejects(db.query('SELECT none FROM pg_class WHERE relname = $1', ['x']), (error) =>
    isAppError(error, 'database.schema'),
  );
  await db[Symbol.asyncDispose]();
  await new Promise((resolve) => setTimeout(resolve, 50)); // what was still to be sent would end the process now
});

/** Another process that opens the folder, and commits a row for each number that it prints. */
const WRITER = `
  import { openDatabase } from ${JSON.stringify(new URL('./open-database.ts', import.meta.url).href)};
  const folder = process.argv[1];
  try {
    const db = await openDatabase({ kind: 'embedded', folder, shownUrl: folder });
    await db.query('CREATE TABLE IF NOT EXISTS written (n integer, bytes bytea)');
    for (let n = 1; ; n += 1) {
      await db.query('INSERT INTO written VALUES ($1, $2)', [n, Buffer.alloc(20_000, n)]);
      process.stdout.write(n + '\\n');
    }
  } catch (error) {
    process.stdout.write(error.code + ' ' + error.message + '\\n');
  }
`;

const startWriter = (folder: string) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', WRITER, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator](), exited: once(child, 'exit') };
};

describe('the embedded database', () => {
  test('what was committed outlives a kill; a second process is refused until then', async (t) => {
    const folder = await planFolder(t);
    const writer = startWriter(folder);
    let last = 0;
    const read = async (): Promise<void> => {
      const { value } = await writer.lines.next();
      last = Number(value);
    };
    await read();
    await assert.rejects(open(folder), (error) => {
      assert.ok(isAppError(error, 'refused.embedded-in-use'), String(error));
      assert.match(error.message, new RegExp(`is used by process ${writer.child.pid} \\(.*\\), since 20`));
      return true;
    });
    // By another path it is the same folder.
    const link = `${folder}-link`;
    await symlink(folder, link);
    await assert.rejects(open(link), (error) => isAppError(error, 'refused.embedded-in-use'));
    while (last < 50) await read();
    writer.child.kill('SIGKILL');
    await writer.exited;
    for (let line = await writer.lines.next(); line.done !== true; line = await writer.lines.next())
      last = Number(line.value);

    await using db = await open(folder);
    const { rows } = await db.query<{ n: number; whole: boolean }>(
      'SELECT count(*) AS n, bool_and(length(bytes) = 20000 AND get_byte(bytes, 19999) = n % 256) AS whole FROM written',
    );
    // The row after the last one that was printed may have been committed too.
    assert.ok(rows[0]?.n === last || rows[0]?.n === last + 1, `${rows[0]?.n} rows, ${last} printed`);
    assert.equal(rows[0]?.whole, true);
    const second = startWriter(folder);
    const answer = await second.lines.next();
    assert.match(answer.value ?? '', new RegExp(`^refused.embedded-in-use .*process ${process.pid} `));
    await second.exited;
  });

  test('a folder whose creation was killed is created again; a value of 100 MB comes and goes', async (t) => {
    const folder = await planFolder(t);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'database.unfinished'), '');
    await mkdir(join(folder, 'database'));
    await writeFile(join(folder, 'database', 'PG_VERSION'), '18\n');
    await using db = await open(folder);
    await db.query('CREATE TABLE big (bytes bytea, text varchar)');
    const bytes = Buffer.alloc(100_000_000, 'not only zeros');
    await db.query('INSERT INTO big (bytes) VALUES ($1)', [bytes]);
    const { rows } = await db.query<{ bytes: Buffer }>('SELECT bytes FROM big');
    assert.ok(rows[0]?.bytes.equals(bytes));
    await db.sync();
  });

  test('a folder that cannot be one is an error', async (t) => {
    const folder = await planFolder(t);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(open(join(folder, 'file', 'below')), (error) => isAppError(error, 'database.failed'));
  });
});
