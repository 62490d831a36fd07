import type { Driver } from '../../drivers/contract.ts';
import { measureDriver, type MeasuredDriver } from '../../drivers/wrappers/measure.ts';

export type StoreRole = 'source' | 'destination';

/** What the stores of a command are doing: requests under way, and those that were sent again. */
export class StoreActivity {
  readonly #drivers = new Map<StoreRole, MeasuredDriver>();
  readonly #retries = { source: 0, destination: 0 };

  /** The driver with its requests counted; belongs beneath whatever waits or repeats. */
  observe(role: StoreRole, driver: Driver): Driver {
    const measured = measureDriver(driver);
    this.#drivers.set(role, measured);
    return measured;
  }

  retried(role: StoreRole): void {
    this.#retries[role] += 1;
  }

  get drivers(): ReadonlyMap<StoreRole, MeasuredDriver> {
    return this.#drivers;
  }

  retriesOf(role: StoreRole): number {
    return this.#retries[role];
  }

  get retries(): number {
    return this.#retries.source + this.#retries.destination;
  }

  get inFlight(): number {
    return [...this.#drivers.values()].reduce((sum, driver) => sum + driver.running, 0);
  }
}
