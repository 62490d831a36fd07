import assert from 'node:assert/strict';
import type { Store } from '../../src/archive/store.ts';
import type { ErrorCode } from '../../src/core/error-catalogue.ts';
import { AppError, isAppError } from '../../src/core/errors.ts';
import type { Database } from '../../src/database/database.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import type { FaultPoint } from '../../src/migration/fault-points.ts';
import type { MigrationResult } from '../../src/migration/finish.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { findUnfinished, getMigration, type MigrationRecord } from '../../src/migration/migration-store.ts';
import type { MigrateRequest, RunOptions } from '../../src/migration/requests.ts';
import { rollback } from '../../src/migration/rollback.ts';
import { DEFAULT_SETTINGS } from '../../src/migration/run.ts';
import { getStatus } from '../../src/migration/status.ts';
import {
  COMPRESSED,
  environmentOf,
  keyOf,
  listUrls,
  PLAIN,
  problemsThrough,
  requestOf,
  sideOf,
  storeOf,
} from './harness.ts';
import { interceptDriver, type StoreCall } from './intercepted-driver.ts';
import { serve, type ServiceAction } from './model-service.ts';
import { MortalProcess } from './mortal-process.ts';

/** What befalls one run of the command. */
export interface Fate {
  readonly kill: { readonly point: FaultPoint; readonly hit: number } | undefined;
  /** The `call`th request to a store fails, before or after its effect. */
  readonly storeFault: { readonly call: number; readonly after: boolean } | undefined;
  /** What services do meanwhile, before anything is switched. */
  readonly meanwhile: readonly ServiceAction[];
}

export const CALM: Fate = { kill: undefined, storeFault: undefined, meanwhile: [] };

const SETTINGS = {
  ...DEFAULT_SETTINGS,
  chunkSize: 4,
  batchSize: 2,
  cleanWindow: 3,
  quietPeriodMs: 1,
  standbyTimeoutMs: 1000,
};

/** Refusals that say truly that the operation does not fit the state; any other error of a calm run is a finding. */
const FITTING_REFUSALS: Readonly<Record<string, ErrorCode>> = {
  precopy: 'refused.unfinished',
  migrate: 'refused.unfinished',
  rollback: 'refused.cannot-roll-back',
  clean: 'refused.not-clean',
};

type StoreName = 'A' | 'B';
const otherOf = (name: StoreName): StoreName => (name === 'A' ? 'B' : 'A');

/** An archive, two stores, and what a person would say of them; every operation ends with the check of all invariants. */
export class World {
  readonly #db: Database;
  readonly #stores: Readonly<Record<StoreName, Store>>;
  readonly #identicalUrls: boolean;
  readonly #expected = new Map<string, string>();
  /** Objects that an operation was asked to leave behind. */
  readonly #left = new Map<StoreName, Set<string>>([
    ['A', new Set()],
    ['B', new Set()],
  ]);
  readonly log: string[] = [];
  /** Rows that services have still to write, by the document's number. */
  readonly #late = new Map<number, () => Promise<void>>();

  private constructor(db: Database, stores: Record<StoreName, Store>, identicalUrls: boolean) {
    this.#db = db;
    this.#stores = stores;
    this.#identicalUrls = identicalUrls;
  }

  static async open(db: Database, identicalUrls: boolean): Promise<World> {
    await db.query('DELETE FROM archive_metadata');
    await db.query('DELETE FROM archive_mover_migration');
    await db.query('DELETE FROM archive_mover_current_store');
    const spaces = new MemorySpaces();
    const open = (space: string): ReturnType<typeof openMemoryDriver> =>
      openMemoryDriver({ space, prefix: identicalUrls ? '' : `${space}/` }, spaces);
    // Where no two URLs are equal, equal URLs mean equal objects: like two buckets at one endpoint.
    const nameSpace = (store: Store): Store =>
      identicalUrls ? store : { ...store, identity: { ...store.identity, namespace: 'memory' } };
    const [a, b] = [await storeOf(open('A'), PLAIN), await storeOf(open('B'), COMPRESSED)];
    return new World(db, { A: nameSpace(a), B: nameSpace(b) }, identicalUrls);
  }

  /** The services' own work, under the configuration that is the active one. */
  async serve(action: ServiceAction): Promise<void> {
    const active = await this.#findActive();
    if (active === undefined) return; // batches are under way: no configuration works, and no service runs
    await this.#endSlowPut(action.key); // two writers of one document at once would spoil it without our help
    const late = await serve(this.#db, this.#stores[active], action, this.#expected);
    if (late !== undefined) this.#late.set(action.key, late);
  }

  async #endSlowPut(key: number): Promise<void> {
    const late = this.#late.get(key);
    this.#late.delete(key);
    await late?.();
  }

  async precopy(fate: Fate): Promise<void> {
    const direction = await this.#chooseDirection();
    await this.#run(`precopy`, fate, direction, { online: true }, {});
  }

  async migrate(fate: Fate, options: { readonly keepSource: boolean; readonly move: boolean }): Promise<void> {
    const direction = await this.#chooseDirection();
    const move = options.move && !options.keepSource && !this.#identicalUrls;
    await this.#run('migrate', fate, direction, { online: false }, { keepSource: options.keepSource, move });
  }

  async clean(fate: Fate): Promise<void> {
    const newest = await this.#findNewest();
    if (newest === undefined || newest.move) return;
    const direction = { from: this.#nameOf(newest.from.fingerprint), to: this.#nameOf(newest.to.fingerprint) };
    await this.#run(
      'clean',
      fate,
      direction,
      {
        online: false,
        id: newest.id,
        cleanOnly: true,
        ...(newest.rollsBack !== undefined && { rollsBack: newest.rollsBack }),
      },
      {},
    );
  }

  async rollback(fate: Fate, deleteCopies: boolean): Promise<void> {
    const newest = await this.#findNewest();
    if (newest === undefined) return;
    const record =
      newest.rollsBack === undefined || newest.phase !== 'copying'
        ? newest
        : await getMigration(this.#db, newest.rollsBack);
    const [from, to] = [this.#nameOf(record.from.fingerprint), this.#nameOf(record.to.fingerprint)];
    await this.#perform(`rollback ${record.id}`, fate, async (process, wrap) => {
      const result = await rollback(
        environmentOf(process.database(this.#db), { faults: process, settings: SETTINGS }),
        {
          id: record.id,
          from: sideOf(wrap(from), from),
          to: sideOf(wrap(to), to),
          deleteCopies,
          force: false,
        },
      );
      if (fate.storeFault === undefined)
        assert.equal(result.outcome, 'complete', `rollback: ${JSON.stringify([...result.failures])}`);
      return result;
    });
    if (!deleteCopies || fate.kill !== undefined || fate.storeFault !== undefined) await this.#leave(to);
  }

  /** What an operator does in the end: finish what is unfinished, then move everything, calmly. */
  async settle(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const unfinished = await findUnfinished(this.#db);
      if (unfinished === undefined) break;
      assert.ok(tries < 4, `migration ${unfinished.id} (${unfinished.phase}) cannot be finished`);
      if (unfinished.kind === 'rollback' && unfinished.phase === 'copying') await this.rollback(CALM, false);
      else if (unfinished.kind === 'rollback') await this.clean(CALM);
      else await this.migrate(CALM, { keepSource: unfinished.keepSource, move: unfinished.move });
    }
    const from = await this.#findActive();
    assert.ok(from !== undefined);
    const to = otherOf(from);
    await this.#run('migrate', CALM, { from, to }, { online: false }, {});
    // Where something had been left on purpose, the first try may have said so.
    if ((await this.#findActive()) === from) await this.#run('migrate', CALM, { from, to }, { online: false }, {});
    assert.equal(await this.#findActive(), to);
    const referenced = await this.#listReferenced();
    assert.deepEqual(
      (await listUrls(this.#stores[to].driver)).filter((url) => !this.#left.get(to)?.has(url)).toSorted(),
      referenced.filter((url) => !this.#left.get(to)?.has(url)).toSorted(),
      'the destination holds exactly what rows name',
    );
    assert.deepEqual(
      (await listUrls(this.#stores[from].driver)).filter((url) => !this.#left.get(from)?.has(url)),
      [],
      'the source is empty',
    );
  }

  async #run(
    name: string,
    fate: Fate,
    { from, to }: { readonly from: StoreName; readonly to: StoreName },
    options: RunOptions,
    choices: Partial<MigrateRequest>,
  ): Promise<void> {
    const result = await this.#perform(`${name} ${from}->${to}`, fate, (process, wrap) =>
      migrate(
        environmentOf(process.database(this.#db), { faults: process, settings: SETTINGS }),
        requestOf(wrap(from), wrap(to), choices),
        options,
      ),
    );
    if (choices.keepSource === true) await this.#leave(from);
    if (result === undefined) return;
    const { counts, outcome } = result;
    if (outcome === 'failed-documents' && this.#isConflictWithLeft(result, to)) {
      this.log.push(`removed what was left in ${to}`);
      await this.#removeLeft(to);
      return;
    }
    // Told to keep a source whose cleaning had begun, it says which documents are gone and which are left.
    if (outcome === 'delete-problems' && choices.keepSource === true) return;
    if (fate.storeFault === undefined && !name.startsWith('clean')) {
      assert.equal(
        outcome,
        options.online ? 'precopied' : 'complete',
        `${name}: ${JSON.stringify([...result.failures])} ${JSON.stringify(result.problems)}`,
      );
    }
    if (outcome !== 'complete') return;
    assert.equal(counts.planned + counts.copying + counts.copied + counts.failed, 0, 'complete leaves nothing to copy');
    const record = await getMigration(this.#db, result.id);
    if (!record.keepSource) assert.equal(counts.switched + counts.cleaning, 0, 'complete leaves nothing to clean');
    const { rows } = await this.#db.query<{ state: string; todo: number; done: number }>(
      `SELECT t.state::text AS state, m.archive_documents_to_migrate AS todo, m.archive_documents_migrated AS done
         FROM tasks t JOIN archive_migration_tasks m USING (id) WHERE t.id = $1`,
      [result.id],
    );
    const arrived = counts.switched + counts.cleaning + counts.cleaned;
    assert.deepEqual(rows[0], { state: 'complete', todo: arrived, done: arrived });
  }

  /** One run of the command as a process of its own, whatever befalls it; then all invariants. */
  async #perform(
    name: string,
    fate: Fate,
    work: (process: MortalProcess, wrap: (name: StoreName) => Store) => Promise<MigrationResult>,
  ): Promise<MigrationResult | undefined> {
    const waiting = [...fate.meanwhile];
    const process = new MortalProcess(fate.kill, async (point) => {
      const action = point.startsWith('copy.') || point === 'plan.after-commit' ? waiting.shift() : undefined;
      if (action !== undefined && (await this.#isBeforeSwitch())) await this.serve(action);
    });
    let calls = 0;
    const around = async <T>(storeName: StoreName, call: StoreCall, request: () => Promise<T>): Promise<T> => {
      if (call.operation === 'delete') await this.#throwIfNeeded(storeName, call.urls);
      calls += 1;
      if (fate.storeFault?.call !== calls) return request();
      if (fate.storeFault.after) await request();
      throw new AppError('store.timeout', 'injected', { outcomeUnknown: true });
    };
    const wrap = (storeName: StoreName): Store => {
      const store = this.#stores[storeName];
      const watched = interceptDriver(store.driver, { around: (call, request) => around(storeName, call, request) });
      return { ...store, driver: process.driver(watched) };
    };
    let result: MigrationResult | undefined;
    let end = 'killed';
    try {
      result = await work(process, wrap);
      end = result.outcome;
    } catch (error) {
      if (isAppError(error)) end = process.dead ? 'killed' : error.code;
      const fitting =
        process.dead ||
        (isAppError(error) && error.code === FITTING_REFUSALS[name.split(' ')[0] ?? '']) ||
        (fate.storeFault !== undefined && isAppError(error));
      if (!fitting) throw error;
    } finally {
      await process.bury();
      this.log.push(`${name} -> ${end}`);
    }
    for (const key of this.#late.keys()) await this.#endSlowPut(key);
    await this.check();
    return process.dead ? undefined : result;
  }

  async check(): Promise<void> {
    const active = await this.#findActive();
    const { rows } = await this.#db.query<{ archiveId: string; content_url: string }>(
      'SELECT "archiveId", content_url FROM archive_metadata',
    );
    if (active !== undefined) {
      assert.deepEqual(
        await problemsThrough(this.#db, this.#stores[active], this.#expected),
        [],
        `I1 through ${active}`,
      );
      const { driver } = this.#stores[active];
      const strange = rows.filter(
        ({ archiveId, content_url: url }) => url !== driver.locate({ ...keyOf(0), archiveId }),
      );
      assert.deepEqual(strange, [], 'I2');
      return;
    }
    const [a, b] = [this.#stores.A, this.#stores.B];
    const through = await Promise.all([a, b].map((store) => problemsThrough(this.#db, store, this.#expected)));
    const ids = through.map((problems) => new Set(problems.map((problem) => problem.split(': ')[0])));
    const lost = [...(ids[0] ?? [])].filter((id) => ids[1]?.has(id));
    assert.deepEqual(lost, [], 'I1 through one of both');
  }

  /** I3, seen from outside: no delete may name what a row needs in that store. */
  async #throwIfNeeded(storeName: StoreName, urls: readonly string[]): Promise<void> {
    if (this.#identicalUrls && (await this.#findActive()) !== storeName) return;
    const { rows } = await this.#db.query<{ content_url: string }>(
      'SELECT content_url FROM archive_metadata WHERE content_url = ANY ($1)',
      [urls],
    );
    assert.deepEqual(rows, [], `I3: a row needs what is deleted from ${storeName}`);
  }

  async #isBeforeSwitch(): Promise<boolean> {
    const newest = await this.#findNewest();
    return newest?.phase === 'copying' && newest.switchedAt === undefined;
  }

  async #findNewest(): Promise<MigrationRecord | undefined> {
    const { rows } = await this.#db.query<{ id: number | null }>('SELECT max(id) AS id FROM archive_mover_migration');
    const id = rows[0]?.id;
    return id === null || id === undefined ? undefined : getMigration(this.#db, id);
  }

  /** undefined: `--move` is under way, or some of its documents failed, and it depends on the row. */
  async #findActive(): Promise<StoreName | undefined> {
    const newest = await this.#findNewest();
    if (newest === undefined) return 'A';
    const { active: side, counts } = await getStatus(this.#db, newest.id);
    if (newest.move && counts.failed > 0) return undefined; // these stay where they were, and are listed
    if (side === 'both-in-part') return undefined;
    assert.notEqual(side, 'elsewhere', 'the newest migration is never overtaken');
    if (side === 'elsewhere') return undefined;
    return this.#nameOf(newest[side].fingerprint);
  }

  async #chooseDirection(): Promise<{ from: StoreName; to: StoreName }> {
    const unfinished = await findUnfinished(this.#db);
    if (unfinished !== undefined) {
      return { from: this.#nameOf(unfinished.from.fingerprint), to: this.#nameOf(unfinished.to.fingerprint) };
    }
    const from = (await this.#findActive()) ?? 'A';
    return { from, to: otherOf(from) };
  }

  /** Another object stands where a copy should go, and an earlier operation was asked to leave it there. */
  #isConflictWithLeft(result: MigrationResult, to: StoreName): boolean {
    return [...result.failures.keys()].join() === 'document.conflict' && this.#left.get(to)?.size !== 0;
  }

  async #removeLeft(name: StoreName): Promise<void> {
    const { driver } = this.#stores[name];
    const needed = (await this.#findActive()) === name ? await this.#listReferenced() : [];
    const urls = [...(this.#left.get(name) ?? [])].filter((url) => !needed.includes(url));
    await driver.delete(urls.map((url) => ({ ref: { key: keyOf(0), url }, md5: undefined })));
    this.#left.set(name, new Set());
  }

  async #leave(name: StoreName): Promise<void> {
    for (const url of await listUrls(this.#stores[name].driver)) this.#left.get(name)?.add(url);
  }

  async #listReferenced(): Promise<readonly string[]> {
    const { rows } = await this.#db.query<{ content_url: string }>('SELECT DISTINCT content_url FROM archive_metadata');
    return rows.map((row) => row.content_url);
  }

  #nameOf(fingerprint: string): StoreName {
    return fingerprint === this.#stores.A.identity.fingerprint ? 'A' : 'B';
  }
}
