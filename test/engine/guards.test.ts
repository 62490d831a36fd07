import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAppError } from '../../src/core/errors.ts';
import { startManager } from '../manager/running-manager.ts';
import { until } from '../migration/harness.ts';
import { runManager } from '../support/manager.ts';
import { createPlace, send, startIn, urlOf } from './engine-harness.ts';

const localfs = (folder: string): string =>
  `{storage_driver: {name: localfs, config: {archive_data_dir: '${folder}'}}}`;

test('two services on one database, a migration, and one that keeps its old configuration', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  const other = await place.configure({ name: 'other.yaml' });
  const migrate = ['archivestorage', '--json', 'migrate', from, to, '--dontask', '--force'];
  {
    await using one = await startIn(from);
    await using two = await startIn(other);
    assert.equal((await send(urlOf(one), 'POST', '/v1/objects/b/x', { body: '{"document": 1}' })).status, 200);
    assert.equal((await send(urlOf(two), 'GET', '/v1/objects/b/x')).text, '{"document": 1}');
    const within = await place.configure({ name: 'db2.yaml', archive: '{storage_driver: {name: db2}}' });
    const refused = await runManager(['archivestorage', 'migrate', from, within, '--dontask']);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /\(anchore-engine, server process \d+/);
    assert.match(refused.stderr, /refused\.services-running/);
  }
  const migrated = await runManager(migrate);
  assert.equal(migrated.code, 0, migrated.stderr);

  await assert.rejects(startIn(other), (error) => {
    assert.ok(isAppError(error, 'refused.unreadable-documents'));
    assert.match(
      error.message,
      /^2 documents cannot be read with the configured driver db: 2 in localfs \(such as file:/,
    );
    assert.match(error.message, /since migration 1 the archive is in folder /);
    assert.match(error.remedy, /other\.yaml to folder .*documents/);
    return true;
  });
  await using engine = await startIn(to);
  assert.equal((await send(urlOf(engine), 'GET', '/v1/objects/b/x')).text, '{"document": 1}');
  assert.equal((await send(urlOf(engine), 'GET', '/v1/policies?detail=True')).status, 200);
});

test('documents that a migration has listed as left behind only give a warning', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  {
    await using engine = await startIn(from);
    for (const id of ['good', 'bad'])
      await send(urlOf(engine), 'POST', `/v1/objects/b/${id}`, { body: '{"document": 1}' });
  }
  await place.database.query(`UPDATE archive_document SET jsondata = 'damaged' WHERE "archiveId" = 'bad'`);
  const migrated = await runManager(['archivestorage', 'migrate', from, to, '--dontask', '--force', '--skip-failed']);
  assert.equal(migrated.code, 1, migrated.stderr);
  const lines: string[] = [];
  await using engine = await startIn(to, {}, lines);
  assert.ok(lines.some((line) => /1 documents cannot be read, as a migration has listed: 1 in db/.test(line)));
  assert.equal((await send(urlOf(engine), 'GET', '/v1/objects/b/good')).status, 200);
  assert.equal((await send(urlOf(engine), 'GET', '/v1/objects/b/bad')).status, 500);
  // With the old configuration, what was moved cannot be read.
  await assert.rejects(startIn(from), (error) => isAppError(error, 'refused.unreadable-documents'));
});

test('analyses that have got a store of their own, and then the others another one: no old configuration starts', async () => {
  await using place = await createPlace();
  const store = (name: string): string => localfs(join(place.folder, name));
  const configure = (name: string, documents: string, analyses?: string): Promise<string> =>
    place.configure({
      name,
      archive: store(documents),
      ...(analyses && { catalog: `    analysis_archive: ${store(analyses)}\n` }),
    });
  const migrate = async (from: string, to: string, ...options: readonly string[]): Promise<void> => {
    const { code, stderr } = await runManager([
      'archivestorage',
      'migrate',
      from,
      to,
      '--dontask',
      '--force',
      ...options,
    ]);
    assert.equal(code, 0, stderr);
  };
  const refused = (section: string, folder: string) => (error: unknown) => {
    assert.ok(isAppError(error, 'refused.not-current'), String(error));
    assert.ok(
      error.remedy.includes(`${section} of `) && error.remedy.includes(join(place.folder, folder)),
      error.remedy,
    );
    return true;
  };
  const first = await configure('first.yaml', 'one');
  const second = await configure('second.yaml', 'two');
  const path = '/v1/objects/analysis_archive/x';
  {
    await using engine = await startIn(first);
    assert.equal((await send(urlOf(engine), 'POST', path, { body: '{"document": 1}' })).status, 200);
  }
  await migrate(first, second);
  await assert.rejects(startIn(first), refused('object_store (or archive)', 'two'));
  const apart = await configure('apart.yaml', 'two', 'analyses');
  const within = await configure('within.yaml', 'two', 'two');
  await migrate(within, apart, '--from-analysis-archive', '--to-analysis-archive');
  // The others are where they were; analyses are not, whether the configuration names them or not.
  await assert.rejects(startIn(second), refused('analysis_archive', 'analyses'));
  await assert.rejects(startIn(within), refused('analysis_archive', 'analyses'));
  await (await startIn(apart)).stop();
  const moved = await configure('moved.yaml', 'three', 'analyses');
  await migrate(apart, moved);
  await assert.rejects(startIn(apart), refused('object_store (or archive)', 'three'));
  await assert.rejects(startIn(await configure('old.yaml', 'three', 'two')), refused('analysis_archive', 'analyses'));
  await using engine = await startIn(moved);
  assert.equal((await send(urlOf(engine), 'GET', path)).text, '{"document": 1}');
});

test('a wrong store is refused before it is touched, and without a journal too', async () => {
  await using place = await createPlace('fixture');
  const folder = join(place.folder, 'never');
  const wrong = await place.configure({ name: 'wrong.yaml', archive: localfs(folder), more: '' });
  await assert.rejects(startIn(wrong), (error) => {
    assert.ok(isAppError(error, 'refused.unreadable-documents'));
    assert.match(error.message, /^500 documents cannot be read with the configured driver localfs: 500 in db/);
    return true;
  });
  await assert.rejects(readFile(folder), { code: 'ENOENT' });
});

test('while a migration runs, services do not start; a precopy does not mind them', async () => {
  await using place = await createPlace();
  const config = await place.configure();
  await (await startIn(config)).stop();
  const holder = await place.database.connect();
  try {
    await holder.query('SELECT pg_advisory_lock(2, 1)');
    await assert.rejects(startIn(config), (error) => isAppError(error, 'refused.migration-running'));
    await holder.query(`INSERT INTO tasks (state, type) VALUES ('running', 'archivemigrationtask')`);
    await holder.query('INSERT INTO archive_migration_tasks (id, online_migration) SELECT max(id), true FROM tasks');
    await (await startIn(config)).stop();
  } finally {
    await holder.end();
  }
});

test('a migration that stands in its switch keeps services from starting, on either configuration', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  await (await startIn(from)).stop();
  const writer = await place.database.connect();
  try {
    // What the switch excludes, and so waits for.
    await writer.query('BEGIN');
    await writer.query('LOCK TABLE archive_metadata IN ROW EXCLUSIVE MODE');
    await using migration = startManager(['archivestorage', 'migrate', from, to, '--dontask', '--force', '--nodelete']);
    await until(
      async () =>
        (
          await place.database.query(
            `SELECT 1 FROM pg_locks WHERE relation = 'archive_metadata'::regclass AND mode = 'ShareRowExclusiveLock' AND NOT granted`,
          )
        ).length > 0,
    );
    for (const config of [from, to])
      await assert.rejects(startIn(config), (error) => {
        assert.ok(isAppError(error, 'refused.migration-running'), String(error));
        assert.match(error.message, /^migration 1 \(copying\) is running and needs the services stopped/);
        return true;
      });
    await writer.query('COMMIT');
    assert.equal(await migration.ended, 0, migration.stderr());
  } finally {
    await writer.end();
  }
  await assert.rejects(startIn(from), (error) => isAppError(error, 'refused.unreadable-documents'));
  await (await startIn(to)).stop();
});

test('a configuration that cannot be used says where', async () => {
  await using place = await createPlace();
  const file = await place.configure();
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('port: 0', 'port: many'));
  await assert.rejects(
    startIn(file),
    /config\.yaml:6 services\.apiext\.port: expected a whole number up to 65535; got "many"/,
  );
  await writeFile(file, text.replaceAll('enabled: true', 'enabled: false'));
  await assert.rejects(startIn(file), /expected apiext or catalog with enabled: true/);
  await writeFile(file, text.replace('port: 0', 'port: 0\n    ssl_enable: true'));
  await assert.rejects(startIn(file), /ssl_cert: expected the path of a certificate/);
});
