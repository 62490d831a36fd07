import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensureAnchoreTables } from '../../src/database/schema/anchore-tables.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const SIZE_BYTES = 64 * 1024 * 1024;
const MOST_TIMES = 3;

let opened: OpenTestDatabase;
before(async () => {
  opened = await openTestDatabase('postgres');
  await ensureAnchoreTables(opened.db);
});
after(() => opened[Symbol.asyncDispose]());

// Measured: 2.0 times to write, 0.9 to 1.5 times to read; at 100 MiB the same.
for (const [name, form] of [
  ['db', 'text'],
  ['db', 'binary'],
  ['db2', 'binary'],
] as const) {
  test(`${name}: a ${form} value of 64 MiB takes at most ${MOST_TIMES} times its size in memory`, async (context) => {
    for (const operation of ['write', 'read']) {
      const args = [MAIN, opened.url, name, form, operation, String(SIZE_BYTES)];
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--disable-warning=ExperimentalWarning',
        ...args,
      ]);
      const times = Number(stdout.trim()) / SIZE_BYTES;
      context.diagnostic(`${operation}: ${times.toFixed(2)} times`);
      assert.ok(times <= MOST_TIMES, `${operation}: ${times.toFixed(2)} times its size`);
    }
  });
}
