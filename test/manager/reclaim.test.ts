import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DATABASE_KINDS } from '../support/each-database.ts';
import { type Finished, runManager } from '../support/manager.ts';
import { FIXTURE_SQL, getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

for (const kind of DATABASE_KINDS) {
  describe(`the room of a cleaned table, on ${kind}`, () => {
    let configs: TemporaryConfigs;
    let postgres: TestDatabase | undefined;
    let folder: string;
    let url: string;
    let from: string;
    let to: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'reclaim-'));
      configs = await createConfigs();
      from = await configs.write('config.yaml', 'db');
      to = await configs.write('dest-config.yaml', 'db2');
      if (kind === 'postgres') {
        postgres = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
        url = postgres.url;
        return;
      }
      const { PGlite } = await import('@electric-sql/pglite');
      const pglite = await PGlite.create(join(folder, 'database'));
      await pglite.exec((await promisify(gunzip)(await readFile(FIXTURE_SQL))).toString('utf8'));
      await pglite.close();
      url = `embedded:${join(folder, 'database')}`;
    });
    after(async () => {
      await postgres?.drop();
      await configs[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    const run = async (expectedCode: number, ...args: readonly string[]): Promise<Finished> => {
      const finished = await runManager(['archivestorage', '--db-connect', url, ...args]);
      assert.equal(finished.code, expectedCode, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
      return finished;
    };

    test('is told after a migration', async () => {
      const { stderr } = await run(0, 'migrate', from, to, '--dontask');
      assert.match(
        stderr,
        /the table public\.archive_document still holds \d+\.\d MiB\. What gives back what no row needs: anchore-manager .* clean 1 --reclaim$/m,
      );
    });

    test('is given back by clean ID --reclaim, which may be repeated', async () => {
      for (let round = 0; round < 2; round += 1) {
        const { stderr } = await run(0, 'clean', '1', '--reclaim');
        assert.match(stderr, /Reclaimed: the table public\.archive_document holds \d+\.\d KiB now/);
      }
    });

    test('and by migrate --reclaim; --nodelete excludes it', async () => {
      await run(2, 'migrate', to, from, '--dontask', '--reclaim', '--nodelete');
      const { stdout } = await run(0, 'migrate', to, from, '--dontask', '--reclaim', '--json');
      const reclaimed = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { reclaimed?: { place: string; beforeBytes: number; afterBytes: number } })
        .find((object) => object.reclaimed !== undefined)?.reclaimed;
      assert.ok(reclaimed);
      assert.equal(reclaimed.place, 'the table public.object_storage');
      assert.ok(reclaimed.beforeBytes > 1_000_000 && reclaimed.afterBytes < 100_000, JSON.stringify(reclaimed));
      assert.match((await run(0, 'verify', from)).stdout, /500/);
    });
  });
}
