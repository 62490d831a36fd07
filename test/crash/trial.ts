import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureAnchoreTables } from '../../src/database/schema/anchore-tables.ts';
import type { FaultPoint } from '../../src/migration/fault-points.ts';
import type { S3Server } from '../support/fauxqs.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { type Expected, findProblems, listReferenced, seedArchive, type Working } from './archive-check.ts';
import { type CommandName, isDone, type KillTally, planKill, viewJournal } from './kill-plan.ts';
import { runManager } from './manager-process.ts';
import { openPlace, type Place, PLACE_KINDS, type PlaceKind } from './place.ts';
import { Random } from './random.ts';

export const SCENARIOS = [
  'migrate',
  'nodelete',
  'move',
  'precopy',
  'clean-later',
  'rollback',
  'rollback-deleting',
  'give-up',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** Everything about a trial follows from this and from what the tally has seen so far. */
export interface TrialPlan {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly from: PlaceKind;
  readonly to: PlaceKind;
  readonly compressFrom: boolean;
  readonly compressTo: boolean;
  readonly kills: number;
}

const DOCUMENTS = 60;
/** At first, in milliseconds; then what was measured. */
let usualWorkMs = 600;

/** All pairs of places with two different stores. */
const PAIRS: readonly (readonly [PlaceKind, PlaceKind])[] = PLACE_KINDS.flatMap((from) =>
  PLACE_KINDS.flatMap((to) => (from === to && from.startsWith('db') ? [] : [[from, to] as const])),
);

export const planTrial = (seed: number, index: number, only?: Scenario): TrialPlan => {
  const random = new Random(seed);
  // Coprime strides, so that pairs and scenarios meet in every combination.
  const [from, to] = PAIRS[index % PAIRS.length] ?? ['db', 'localfs'];
  return {
    seed,
    scenario: only ?? SCENARIOS[(index + Math.floor(index / PAIRS.length)) % SCENARIOS.length] ?? 'migrate',
    from,
    to,
    compressFrom: random.chance(0.5),
    compressTo: random.chance(0.5),
    kills: random.integer(2, 6),
  };
};

/** Moves an archive with real commands, killing them; after each kill, and in the end, everything is checked. */
export const runTrial = async (plan: TrialPlan, s3: S3Server, tally: KillTally): Promise<void> => {
  await using resources = new AsyncDisposableStack();
  const postgres = await getTestPostgres();
  const { url } = resources.use(await postgres.createDatabase());
  const folder = await mkdtemp(join(tmpdir(), 'test-crash-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const target = parseConnectUrl(url, { place: 'test', environment: {} });
  const db = resources.use(await openDatabase(target, { applicationName: 'psql', poolSize: 4 }));
  await ensureAnchoreTables(db);
  const common = { folder, db, s3 };
  const from = await openPlace({ ...common, kind: plan.from, name: 'from', compressed: plan.compressFrom });
  const to = await openPlace({ ...common, kind: plan.to, name: 'to', compressed: plan.compressTo });
  const random = new Random(plan.seed + 1);
  const expected = await seedArchive(db, from, DOCUMENTS, random);
  const trial = new Trial({ plan, db, url, from, to, expected, random, tally });
  try {
    await trial.run();
  } catch (error) {
    const story = [JSON.stringify(plan), ...trial.story].join('\n  ');
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${story}`, { cause: error });
  }
};

interface TrialParts {
  readonly plan: TrialPlan;
  readonly db: Database;
  readonly url: string;
  readonly from: Place;
  readonly to: Place;
  readonly expected: Expected;
  readonly random: Random;
  readonly tally: KillTally;
}

class Trial {
  readonly story: string[] = [];
  readonly #parts: TrialParts;
  #killsLeft: number;

  constructor(parts: TrialParts) {
    this.#parts = parts;
    this.#killsLeft = parts.plan.kills;
  }

  async run(): Promise<void> {
    const { plan, from, to } = this.#parts;
    const both = [from.configFile, to.configFile];
    // A folder for temporary files can lie on an overlay or in memory, where documents do not belong.
    const force = plan.from === 'localfs' || plan.to === 'localfs' ? ['--force'] : [];
    const migrate = (...options: string[]): Promise<void> =>
      this.#complete(
        'migrate',
        ['migrate', ...both, '--dontask', ...force, ...options],
        options.length === 0 || options[0] === '--move',
      );
    const original = await from.listRaw();
    switch (plan.scenario) {
      case 'migrate':
        await migrate();
        return this.#conclude(to, []);
      case 'move':
        await migrate('--move');
        return this.#conclude(to, []);
      case 'precopy':
        await this.#complete('precopy', ['precopy', ...both, ...force], false, Math.ceil(plan.kills / 2));
        await migrate();
        return this.#conclude(to, []);
      case 'nodelete':
        await migrate('--nodelete');
        return this.#conclude(to, original);
      case 'clean-later':
        await migrate('--nodelete');
        this.#killsLeft = Math.max(this.#killsLeft, 2);
        await this.#complete('clean', ['clean', '1', '--dontask', ...force], true);
        return this.#conclude(to, []);
      case 'rollback':
      case 'rollback-deleting': {
        await this.#complete('migrate', ['migrate', ...both, '--dontask', '--nodelete', ...force], false, 1);
        const copies = await to.listRaw();
        const deleting = plan.scenario === 'rollback-deleting';
        const options = ['--dontask', ...force, ...(deleting ? ['--delete-copies'] : [])];
        await this.#complete('rollback', ['rollback', '1', ...options], deleting);
        return this.#conclude(from, deleting ? [] : copies);
      }
      case 'give-up':
        return this.#giveUp(
          ['migrate', ...both, '--dontask', ...force],
          ['rollback', '1', '--dontask', '--delete-copies', ...force],
        );
    }
  }

  /** Kills a migration before its switch, and ends it for good. */
  async #giveUp(migrate: readonly string[], rollback: readonly string[]): Promise<void> {
    const { db, from, to, plan, random } = this.#parts;
    // What stays within the database is written and recorded at once, by one statement for many documents.
    const withinDatabase = [plan.from, plan.to].every((kind) => kind === 'db' || kind === 'db2');
    const kill = {
      kind: 'point',
      point: withinDatabase
        ? 'copy.after-record'
        : random.pick<FaultPoint>(['copy.after-intent', 'copy.after-write', 'copy.after-record']),
      hit: withinDatabase ? 1 : random.integer(1, 5),
    } as const;
    assert.ok(await this.#runOnce(migrate, kill), 'the kill was to be reached');
    while (this.#killsLeft > 0 && (await viewJournal(db))?.phase === 'copying') {
      this.#killsLeft -= 1;
      await this.#runOnce(rollback, { kind: 'delay', since: 'work', delayMs: Math.round(random.next() * 150) });
    }
    if ((await viewJournal(db))?.phase === 'copying') await this.#runOnce(rollback, undefined);
    assert.equal((await viewJournal(db))?.phase, 'abandoned');
    await this.#checkStores(from, to, []);
  }

  /** Runs a command, with kills while there are some to give, until it says that it is done. */
  async #complete(
    command: CommandName,
    args: readonly string[],
    cleans: boolean,
    maxKills = Number.MAX_SAFE_INTEGER,
  ): Promise<void> {
    const { db, random, tally } = this.#parts;
    for (let kills = 0; ;) {
      const killing = this.#killsLeft > 0 && kills < maxKills;
      const kill = killing
        ? planKill(command, await viewJournal(db), { cleans, usualWorkMs }, tally, random)
        : undefined;
      if (!(await this.#runOnce(args, kill)) || isDone(command, await viewJournal(db), cleans)) return;
      kills += 1;
      this.#killsLeft -= 1;
    }
  }

  /** Runs one process; true where it was killed. Either way the archive is checked afterwards. */
  async #runOnce(args: readonly string[], kill: Parameters<typeof runManager>[2]): Promise<boolean> {
    const { db, url, tally } = this.#parts;
    const end = await runManager(url, args, kill);
    await this.#waitForEnd();
    const view = await viewJournal(db);
    const told = kill === undefined ? 'to its end' : JSON.stringify(kill);
    this.story.push(
      `${args.filter((arg) => !arg.includes('/')).join(' ')}: ${told} -> ${end.killed ? `killed in ${view?.phase ?? 'the beginning'}` : `exit ${end.exit}`}`,
    );
    if (end.killed && kill !== undefined) tally.add(kill, view?.phase);
    else if (end.workMs !== undefined) usualWorkMs = 0.7 * usualWorkMs + 0.3 * end.workMs;
    if (!end.killed) assert.equal(end.exit, 0, end.errors);
    throwProblems(await findProblems(db, await this.#findWorking(), this.#parts.expected));
    return end.killed;
  }

  /** The server ends a dead process's sessions when it notices; until then its last commit can still be under way. */
  async #waitForEnd(): Promise<void> {
    for (let tries = 0; tries < 400; tries += 1) {
      const { rows } = await this.#parts.db.query<{ count: number }>(
        `SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'anchore-manager'`,
      );
      if (rows[0]?.count === 0) return;
      await sleep(25);
    }
    throw new Error('sessions of a process that has ended are still open');
  }

  /** Which configuration has to work now: the source of the newest migration until its switch, then its destination. */
  async #findWorking(): Promise<Working> {
    const { db, from, to } = this.#parts;
    const view = await viewJournal(db);
    if (view === undefined) return { kind: 'one', place: from };
    if (view.phase === 'moving') return { kind: 'either', places: [from, to] };
    const [source, destination] = view.fromFingerprint === from.store.identity.fingerprint ? [from, to] : [to, from];
    const isSwitched = view.switched && view.phase !== 'rolled-back';
    return { kind: 'one', place: isSwitched ? destination : source };
  }

  async #conclude(working: Place, leftElsewhere: readonly string[]): Promise<void> {
    const { db, from, to } = this.#parts;
    const view = await viewJournal(db);
    const { rows } = await db.query(
      `SELECT t.state::text AS state, m.archive_documents_to_migrate AS todo, m.archive_documents_migrated AS done,
              (SELECT count(*) FROM tasks WHERE state = 'running') AS running,
              (SELECT count(*) FROM archive_mover_document d WHERE d.migration_id = t.id AND d.state NOT IN ('switched', 'cleaned')) AS unfinished
         FROM tasks t JOIN archive_migration_tasks m USING (id) WHERE t.id = $1`,
      [view?.id],
    );
    assert.deepEqual(rows[0], { state: 'complete', todo: DOCUMENTS, done: DOCUMENTS, running: 0, unfinished: 0 });
    await this.#checkStores(working, working === to ? from : to, leftElsewhere);
  }

  async #checkStores(working: Place, other: Place, leftThere: readonly string[]): Promise<void> {
    const { db, expected } = this.#parts;
    throwProblems(await findProblems(db, { kind: 'one', place: working }, expected));
    expectSame(await working.listRaw(), await listReferenced(db), 'in the store that works');
    expectSame(await other.listRaw(), leftThere, 'in the other store');
  }
}

const throwProblems = (problems: readonly string[]): void => {
  if (problems.length > 0)
    throw new Error(`${problems.length} of ${DOCUMENTS} documents:\n${problems.slice(0, 3).join('\n')}`);
};

/** Names what is missing or too much; the first few. */
const expectSame = (found: readonly string[], expected: readonly string[], place: string): void => {
  const litter = found.filter((each) => !expected.includes(each));
  const missing = expected.filter((each) => !found.includes(each));
  if (litter.length + missing.length === 0) return;
  const name = (list: readonly string[]): string => `${list.length} (${list.slice(0, 3).join(', ')})`;
  throw new Error(`${place}: litter ${name(litter)}; missing ${name(missing)}`);
};
