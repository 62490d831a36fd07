import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { readConfigFile } from '../config/config-file.ts';
import { type DatabaseChoice, findDatabaseTarget } from './database-target.ts';

const find = async (choice: Partial<DatabaseChoice>): Promise<{ shownUrl: string; warnings: readonly string[] }> => {
  const warnings: string[] = [];
  const target = await findDatabaseTarget({
    environment: {},
    readConfig: () => Promise.resolve(undefined),
    warn: (text) => warnings.push(text),
    ...choice,
  });
  return { shownUrl: target.shownUrl, warnings };
};

test('the stronger name of a database wins, and the configuration is read only where nothing else names one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-database-target-'));
  try {
    const urlFile = join(folder, 'url');
    await writeFile(urlFile, 'embedded:/from-file\n');
    const config = join(folder, 'config.yaml');
    await writeFile(
      config,
      "credentials: {database: {db_connect: 'postgresql://u:hidden@h/from-config', db_connect_args: {ssl: false}}}\n",
    );
    const readConfig = () => readConfigFile(config, {});
    const unread = (): Promise<undefined> => Promise.reject(new Error('it was read'));
    const environment = { ANCHORE_DB_CONNECT: 'embedded:/from-environment' };
    const url = 'embedded:/from-flag';

    assert.equal((await find({ url, urlFile, environment, readConfig: unread })).shownUrl, 'embedded:/from-file');
    assert.equal((await find({ url: `@${urlFile}`, readConfig: unread })).shownUrl, 'embedded:/from-file');
    assert.equal((await find({ url, environment, readConfig: unread })).shownUrl, url);
    assert.equal((await find({ environment, readConfig: unread })).shownUrl, 'embedded:/from-environment');
    assert.equal((await find({ readConfig })).shownUrl, 'postgresql://u:****@h/from-config');
    assert.equal((await find({})).shownUrl, `embedded:${resolve('anchore-data')}`);
    await assert.rejects(find({ urlFile: join(folder, 'none') }), { code: 'config.unreadable' });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what a command line says of the connection is stronger than what the file says', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-database-target-'));
  try {
    const config = join(folder, 'config.yaml');
    await writeFile(
      config,
      "credentials: {database: {db_connect: 'postgresql://u@h/d', db_connect_args: {timeout: 7, ssl: true}}}\n",
    );
    const timed = (statementTimeoutSeconds?: number) =>
      findDatabaseTarget({
        environment: {},
        readConfig: () => readConfigFile(config, {}),
        warn: () => undefined,
        statementTimeoutSeconds,
      });
    const [own, given] = [await timed(), await timed(3)];
    assert.ok(own.kind === 'postgres' && given.kind === 'postgres');
    assert.deepEqual([own.statementTimeoutMs, given.statementTimeoutMs], [7000, 3000]);
    assert.equal(own.tls.mode, 'require');
  } finally {
    await rm(folder, { recursive: true });
  }
});
