import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { FAULT_POINTS } from '../../src/migration/fault-points.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { startPrivatePostgres } from '../support/postgres.ts';
import type { ServiceAction } from './model-service.ts';
import { CALM, type Fate, World } from './model-world.ts';

/** For new sequences; and then, where one has failed, for finding a shorter one that fails too. */
const TIME_LIMIT_MS = 12_000;
const SHRINKING_LIMIT_MS = 20_000;
/** So many are played however slow the machine is. */
const LEAST_SEQUENCES = 20;
const KEYS = 9;
/** `TEST_SEED` and `TEST_TIME_MS` try others, and longer. */
const FIRST_SEED = 9101;

const service = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key: fc.nat(KEYS), content: fc.nat(1000) }),
  fc.record({ kind: fc.constant('slow-put' as const), key: fc.nat(KEYS), content: fc.nat(1000) }),
  fc.record({ kind: fc.constant('delete' as const), key: fc.nat(KEYS) }),
);
/** Between two operations everything that a service has begun is done. */
const quickService = service.map((action): ServiceAction =>
  action.kind === 'slow-put' ? { ...action, kind: 'put' } : action,
);

const calm = fc.constant(CALM);
const killed = fc
  .record({ point: fc.constantFrom(...FAULT_POINTS), hit: fc.integer({ min: 1, max: 3 }) })
  .map((kill): Fate => ({ ...CALM, kill }));
const faulty = fc
  .record({ call: fc.integer({ min: 1, max: 40 }), after: fc.boolean() })
  .map((storeFault): Fate => ({ ...CALM, storeFault }));
const busy = fc
  .record({
    meanwhile: fc.array(service, { minLength: 1, maxLength: 4 }),
    kill: fc.option(fc.record({ point: fc.constantFrom(...FAULT_POINTS), hit: fc.integer({ min: 1, max: 3 }) }), {
      nil: undefined,
    }),
  })
  .map((fate): Fate => ({ ...CALM, ...fate }));
/** A service that is in the middle of a write when the switch comes was not stopped, as `migrate` demands. */
const finishing = (each: Fate): Fate => ({
  ...each,
  meanwhile: each.meanwhile.map((action) => (action.kind === 'slow-put' ? { ...action, kind: 'put' } : action)),
});
const fate = fc.oneof({ arbitrary: calm, weight: 3 }, { arbitrary: killed, weight: 4 }, faulty, busy);
const deaf = fc.oneof({ arbitrary: calm, weight: 3 }, { arbitrary: killed, weight: 4 }, faulty);

const step = fc.oneof(
  {
    arbitrary: fc.record({
      step: fc.constant('serve' as const),
      actions: fc.array(quickService, { minLength: 1, maxLength: 6 }),
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ step: fc.constant('precopy' as const), fate }), weight: 2 },
  {
    arbitrary: fc.record({
      step: fc.constant('migrate' as const),
      fate: fate.map(finishing),
      keepSource: fc.boolean(),
      move: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
    weight: 5,
  },
  {
    arbitrary: fc.record({ step: fc.constant('rollback' as const), fate: deaf, deleteCopies: fc.boolean() }),
    weight: 2,
  },
  { arbitrary: fc.record({ step: fc.constant('clean' as const), fate: deaf }), weight: 1 },
);

describe('the archive under random operations', () => {
  const resources = new AsyncDisposableStack();
  let db: Database;
  before(async () => {
    // Without a wait for the disk at every commit: no power cut is played here, and three times as much is tried.
    const postgres = resources.use(await startPrivatePostgres({ settings: { synchronous_commit: 'off' } }));
    const { url } = await postgres.createDatabase();
    db = resources.use(await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} })));
    await ensureTables(db);
  });
  after(() => resources.disposeAsync());

  for (const identicalUrls of [false, true]) {
    test(`keeps its invariants, with ${identicalUrls ? 'identical' : 'different'} URLs in both stores`, async (context) => {
      const seed = Number(process.env['TEST_SEED'] ?? FIRST_SEED);
      const sequence = fc.record({
        first: fc.array(quickService, { minLength: 3, maxLength: 12 }),
        steps: fc.array(step, { minLength: 1, maxLength: 9 }),
      });
      let runs = 0;
      let deadline = Date.now() + Number(process.env['TEST_TIME_MS'] ?? TIME_LIMIT_MS);
      let failed = false;
      const property = fc.asyncProperty(sequence, async ({ first, steps }) => {
        if (Date.now() > deadline && (failed || runs >= LEAST_SEQUENCES)) return; // what is left has no time any more
        runs += 1;
        const world = await World.open(db, identicalUrls);
        try {
          for (const action of first) await world.serve(action);
          for (const each of steps) {
            if (each.step === 'serve') {
              for (const action of each.actions) await world.serve(action);
              await world.check();
            } else if (each.step === 'precopy') await world.precopy(each.fate);
            else if (each.step === 'migrate') await world.migrate(each.fate, each);
            else if (each.step === 'rollback') await world.rollback(each.fate, each.deleteCopies);
            else await world.clean(each.fate);
          }
          await world.settle();
        } catch (error) {
          if (!failed) deadline = Date.now() + SHRINKING_LIMIT_MS;
          failed = true;
          throw new Error(`${error instanceof Error ? error.message : String(error)}\n${world.log.join('\n')}`, {
            cause: error,
          });
        }
      });
      context.diagnostic(`TEST_SEED=${seed}`);
      await fc.assert(property, { seed, numRuns: 10_000 });
      context.diagnostic(`${runs} sequences`);
    });
  }
});
