import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { FAULT_POINTS } from '../../src/migration/fault-points.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { CALM, type Fate, type ServiceAction, World } from './model-world.ts';

const TIME_LIMIT_MS = 25_000;
const KEYS = 9;

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
  let opened: OpenTestDatabase;
  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());

  for (const identicalUrls of [false, true]) {
    test(`keeps its invariants, with ${identicalUrls ? 'identical' : 'different'} URLs in both stores`, async (context) => {
      const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 2 ** 31);
      const sequence = fc.record({
        first: fc.array(quickService, { minLength: 3, maxLength: 12 }),
        steps: fc.array(step, { minLength: 1, maxLength: 9 }),
      });
      let runs = 0;
      const property = fc.asyncProperty(sequence, async ({ first, steps }) => {
        runs += 1;
        const world = await World.open(opened.db, identicalUrls);
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
          throw new Error(`${error instanceof Error ? error.message : String(error)}\n${world.log.join('\n')}`, {
            cause: error,
          });
        }
      });
      await fc.assert(property, {
        seed,
        numRuns: Number(process.env['TEST_RUNS'] ?? 1000),
        interruptAfterTimeLimit: TIME_LIMIT_MS / 2,
        markInterruptAsFailure: false,
      });
      context.diagnostic(`${runs} sequences, TEST_SEED=${seed}`);
    });
  }
});
