import { AsyncLocalStorage } from 'node:async_hooks';
import { AppError } from '../core/errors.ts';

/**
 * Lets one piece of work after the other use what can only be used by one. Work that asks again from within itself would
 * wait for ever, so it gets an error.
 */
export class ExclusiveUse {
  readonly #current = new AsyncLocalStorage<{ running: boolean }>();
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#current.getStore()?.running === true) {
      const text = 'inside of a transaction, a statement was not given to that transaction';
      return Promise.reject(new AppError('internal', text));
    }
    const mark = { running: true };
    const result = this.#last.then(() => this.#current.run(mark, work));
    this.#last = result.then(
      () => (mark.running = false),
      () => (mark.running = false),
    );
    return result;
  }
}
