import { AppError } from '../../src/core/errors.ts';
import type { Database, Queryable, Session } from '../../src/database/database.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import type { FaultPoint, FaultPoints } from '../../src/migration/fault-points.ts';
import { interceptDriver } from './intercepted-driver.ts';

/**
 * Stands for a process within this one: from its death on, no statement and no request of its leaves any more, and its
 * transactions roll back, as after `kill -9`. What the code under test does to end in good order has no effect.
 */
export class MortalProcess implements FaultPoints {
  readonly #diesAt: { readonly point: FaultPoint; readonly hit: number } | undefined;
  readonly #watch: ((point: FaultPoint, hit: number) => Promise<void>) | undefined;
  readonly #hits = new Map<FaultPoint, number>();
  readonly #sessions: Session[] = [];
  #dead = false;

  constructor(
    diesAt?: { readonly point: FaultPoint; readonly hit: number },
    watch?: (point: FaultPoint, hit: number) => Promise<void>,
  ) {
    this.#diesAt = diesAt;
    this.#watch = watch;
  }

  get dead(): boolean {
    return this.#dead;
  }

  async reach(point: FaultPoint): Promise<void> {
    this.#throwIfDead();
    const hit = (this.#hits.get(point) ?? 0) + 1;
    this.#hits.set(point, hit);
    if (this.#diesAt?.point === point && this.#diesAt.hit === hit) {
      this.#dead = true;
      throw killed();
    }
    await this.#watch?.(point, hit);
  }

  database(db: Database): Database {
    const alive = this.#throwIfDead.bind(this);
    const guard = (inner: Queryable): Queryable => ({
      query: async (text, values) => {
        alive();
        return inner.query(text, values);
      },
    });
    return {
      ...guard(db),
      kind: db.kind,
      description: db.description,
      schema: db.schema,
      transaction: async (work) => {
        alive();
        return db.transaction(async (tx) => {
          const result = await work(guard(tx));
          alive();
          return result;
        });
      },
      openSession: async () => {
        alive();
        const session = await db.openSession();
        this.#sessions.push(session);
        return {
          ...guard(session),
          lost: session.lost,
          transaction: (work) =>
            session.transaction(async (tx) => {
              const result = await work(guard(tx));
              alive();
              return result;
            }),
          [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
        };
      },
      sync: () => db.sync(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  driver(driver: Driver): Driver {
    return interceptDriver(driver, {
      around: async (_, request) => {
        this.#throwIfDead();
        return request();
      },
    });
  }

  /** Ends what the system ends when a process does. */
  async bury(): Promise<void> {
    for (const session of this.#sessions) await session[Symbol.asyncDispose]();
  }

  #throwIfDead(): void {
    if (this.#dead) throw killed();
  }
}

const killed = (): AppError => new AppError('internal', 'killed');
