import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../src/core/errors.ts';
import type { DocumentArchive } from '../../src/engine/documents/document-archive.ts';
import { ensureEngineTables } from '../../src/engine/engine-tables.ts';
import { DEFAULT_BUNDLE } from '../../src/engine/policies/default-bundle.ts';
import { Policies } from '../../src/engine/policies/policies.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';

const never = new AbortController().signal;
const bundle = { ...DEFAULT_BUNDLE, id: 'one' };

/** Documents that two services share; each step of a service waits until it may go on. */
const shareDocuments = () => {
  const kept = new Map<string, Uint8Array>();
  return (gate: () => Promise<void>): DocumentArchive => ({
    put: async ({ userId, archiveId }, content) => {
      const payload = await content.encode(false);
      kept.set(`${userId}/${archiveId}`, payload.bytes ?? new Uint8Array());
      await gate();
    },
    open: async ({ userId, archiveId }) => {
      const bytes = kept.get(`${userId}/${archiveId}`);
      if (bytes === undefined) return undefined;
      const chunks = (async function* () {
        yield bytes;
      })();
      return { sizeBytes: bytes.length, chunks, [Symbol.dispose]: () => undefined };
    },
    delete: async ({ userId, archiveId }) => {
      await gate();
      return kept.delete(`${userId}/${archiveId}`);
    },
    list: async () => [],
    recover: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  });
};

describe('policies through two services', () => {
  let opened: OpenTestDatabase;
  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureEngineTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(() => opened.db.query('DELETE FROM policy_bundle'));

  /** Two services; the first stands at its next step over a document until `goOn`. */
  const start = async () => {
    const documents = shareDocuments();
    const reached = Promise.withResolvers<void>();
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    let armed = false;
    const slow = documents(async () => {
      if (!armed) return;
      reached.resolve();
      await mayGoOn;
    });
    const [one, two] = [slow, documents(async () => undefined)].map((each) => new Policies(opened.db, each));
    assert.ok(one !== undefined && two !== undefined);
    await two.save('admin', DEFAULT_BUNDLE, never);
    await two.save('admin', bundle, never);
    armed = true;
    return { one, two, reached: reached.promise, goOn };
  };

  /** What one finds: the policy with its bundle, or that there is none; never one without. */
  const isWhole = async (policies: Policies): Promise<void> => {
    const found = await policies.get('admin', 'one', true, never).catch((error: unknown) => {
      assert.ok(isAppError(error, 'request.not-found'), String(error));
      return undefined;
    });
    if (found !== undefined) assert.deepEqual(found.bundle, bundle);
    assert.equal((await policies.list('admin', true, never)).length, found === undefined ? 1 : 2);
  };

  test('one is deleted while another service writes it', async () => {
    const { one, two, reached, goOn } = await start();
    const saved = one.save('admin', bundle, never);
    await reached;
    const deleted = two.delete('admin', 'one', never);
    await Promise.race([deleted, sleep(300)]);
    goOn();
    await Promise.all([saved, deleted]);
    await isWhole(two);
  });

  test('one is written while another service deletes it', async () => {
    const { one, two, reached, goOn } = await start();
    const deleted = one.delete('admin', 'one', never);
    await reached;
    const saved = two.save('admin', bundle, never);
    await Promise.race([saved, sleep(300)]);
    goOn();
    await Promise.all([saved, deleted]);
    await isWhole(two);
  });

  test('one that is deleted between its row and its bundle is one that does not exist', async () => {
    const { one, two, goOn } = await start();
    goOn();
    const documents = shareDocuments()(async () => undefined);
    // This one's documents are already gone, and the row goes when they are looked for.
    const late = new Policies(opened.db, {
      ...documents,
      open: async () => {
        await one.delete('admin', 'one', never).catch(() => undefined);
        return undefined;
      },
    });
    await assert.rejects(late.get('admin', 'one', true, never), (error) => isAppError(error, 'request.not-found'));
    await isWhole(two);
  });

  test('an account that several services meet at once gets one default policy', async () => {
    const documents = shareDocuments();
    const services = Array.from(
      { length: 4 },
      () =>
        new Policies(
          opened.db,
          documents(async () => undefined),
        ),
    );
    const found = await Promise.all(services.map((each) => each.list('new', true, never)));
    for (const policies of found) {
      assert.deepEqual(
        policies.map(({ row, bundle: its }) => [row.active, its]),
        [[true, DEFAULT_BUNDLE]],
      );
    }
    // One that it adds itself does not become the active one by being the first.
    const [service] = services;
    await service?.save('another', bundle, never);
    assert.equal((await service?.get('another', 'one', false, never))?.row.active, false);
    assert.equal((await service?.get('another', DEFAULT_BUNDLE.id, false, never))?.row.active, true);
  });

  test('many accounts at once do not wait for each other for ever', async () => {
    const policies = new Policies(
      opened.db,
      shareDocuments()(() => opened.db.query('SELECT 1').then(() => undefined)),
    );
    const accounts = Array.from({ length: 40 }, (_, index) => `account ${index}`);
    await Promise.all(accounts.map((account) => policies.save(account, bundle, never)));
    for (const account of accounts) assert.equal((await policies.get(account, 'one', true, never)).row.userId, account);
  });
});
