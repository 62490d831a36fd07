import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestDatabase } from '../../test/support/each-database.ts';
import { inRolledBackTransaction } from './rolled-back.ts';

for (const kind of ['postgres', 'embedded'] as const) {
  test(`${kind}: what is done in it is real inside, gone afterwards, also where the work throws`, async () => {
    await using opened = await openTestDatabase(kind);
    const { db } = opened;
    const seen = await inRolledBackTransaction(db, async (rehearsed) => {
      await rehearsed.query('CREATE TABLE trial (id integer PRIMARY KEY)');
      await rehearsed.transaction((tx) => tx.query('INSERT INTO trial VALUES (1)'));
      await assert.rejects(rehearsed.transaction((tx) => tx.query('INSERT INTO trial VALUES (1)')));
      const { rows } = await rehearsed.query<{ count: number }>('SELECT count(*) AS count FROM trial');
      return rows[0]?.count;
    });
    assert.equal(seen, 1);
    const isThere = async (): Promise<unknown> =>
      (await db.query(`SELECT to_regclass('trial') IS NOT NULL AS there`)).rows[0];
    assert.deepEqual(await isThere(), { there: false });
    const failing = inRolledBackTransaction(db, async (rehearsed) => {
      await rehearsed.query('CREATE TABLE trial (id integer)');
      throw new Error('broken off');
    });
    await assert.rejects(failing, /broken off/);
    assert.deepEqual(await isThere(), { there: false });
  });
}
