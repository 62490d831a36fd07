import { createHash } from 'node:crypto';
import { deleteDocument, putDocument } from '../../src/archive/archive.ts';
import type { Store } from '../../src/archive/store.ts';
import type { Database } from '../../src/database/database.ts';
import { openDb2Driver } from '../../src/drivers/db2/driver.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import type { MigrationResult } from '../../src/migration/finish.ts';
import { migrate } from '../../src/migration/migrate.ts';
import type { Environment, MigrateRequest } from '../../src/migration/requests.ts';
import { rollback } from '../../src/migration/rollback.ts';
import { COMPRESSED, environmentOf, keyOf, requestOf, sideOf, storeOf } from './harness.ts';

const OURS = ['archive_metadata', 'archive_mover_migration', 'archive_mover_current_store', 'services'];
const PAYLOADS = ['archive_document', 'object_storage'];
const TASKS = ['archive_migration_tasks', 'tasks'];

/** The stores of one case and the commands on them, for cases that take several commands one after another. */
export class MemoryPlace {
  readonly db: Database;
  readonly spaces: MemorySpaces;
  readonly from: Store;
  readonly to: Store;
  /** A store without any relation to the memory stores: nothing of theirs can be read through it. */
  readonly db2: Store;

  private constructor(db: Database, spaces: MemorySpaces, from: Store, to: Store, db2: Store) {
    this.db = db;
    this.spaces = spaces;
    this.from = from;
    this.to = to;
    this.db2 = db2;
  }

  /** Empties the database, whose tables exist. */
  static async open(db: Database): Promise<MemoryPlace> {
    for (const table of [...OURS, ...PAYLOADS, ...TASKS]) await db.query(`DELETE FROM ${table}`);
    const spaces = new MemorySpaces();
    const from = await storeOf(openMemoryDriver({ space: 'from', prefix: 'a/' }, spaces));
    const to = await storeOf(openMemoryDriver({ space: 'to', prefix: 'b/' }, spaces), COMPRESSED);
    return new MemoryPlace(db, spaces, from, to, await storeOf(openDb2Driver(db)));
  }

  openStore(space: string, prefix = ''): Promise<Store> {
    return storeOf(openMemoryDriver({ space, prefix }, this.spaces));
  }

  migrate(
    from: Store,
    to: Store,
    options: Partial<MigrateRequest> = {},
    env: Partial<Environment> = {},
  ): Promise<MigrationResult> {
    return migrate(environmentOf(this.db, env), requestOf(from, to, options), { online: false });
  }

  precopy(from: Store, to: Store, env: Partial<Environment> = {}): Promise<MigrationResult> {
    return migrate(environmentOf(this.db, env), requestOf(from, to), { online: true });
  }

  clean(id: number, from: Store, to: Store): Promise<MigrationResult> {
    return migrate(environmentOf(this.db), requestOf(from, to), { online: false, id, cleanOnly: true });
  }

  rollback(
    id: number,
    from: Store,
    to: Store,
    { deleteCopies = false, env = {} }: { readonly deleteCopies?: boolean; readonly env?: Partial<Environment> } = {},
  ): Promise<MigrationResult> {
    const sides = { from: sideOf(from, 'config'), to: sideOf(to, 'dest-config') };
    return rollback(environmentOf(this.db, env), { id, ...sides, deleteCopies, force: false });
  }

  /** A service stores a document; `expected` learns of it. */
  async put(store: Store, index: number, content: string, expected: Map<string, string>): Promise<void> {
    await putDocument(this.db, store, keyOf(index), Buffer.from(content));
    expected.set(keyOf(index).archiveId, createHash('sha256').update(content).digest('hex'));
  }

  /** A service deletes a document; `expected` learns of it. */
  async remove(store: Store, index: number, expected: Map<string, string>): Promise<void> {
    await deleteDocument(this.db, store, keyOf(index));
    expected.delete(keyOf(index).archiveId);
  }

  async getOnlyMigration(): Promise<number> {
    const { rows } = await this.db.query<{ id: number }>('SELECT id FROM archive_mover_migration');
    if (rows.length !== 1 || rows[0] === undefined) throw new Error(`expected one migration; there are ${rows.length}`);
    return rows[0].id;
  }

  async getNewestMigration(): Promise<number> {
    const { rows } = await this.db.query<{ id: number }>('SELECT max(id) AS id FROM archive_mover_migration');
    return rows[0]?.id ?? 0;
  }
}
