import type { DeleteItem, DeleteOutcome, Driver } from '../contract.ts';
import { ForwardingDriver } from './forwarding-driver.ts';

/** One object of which the deletion was asked. */
export interface RecordedDelete {
  readonly item: DeleteItem;
  /** undefined where the whole call failed. */
  readonly outcome: DeleteOutcome | undefined;
}

/**
 * Reports every delete that passes, for tests of what may be deleted: `before` it is sent, and `after` with its
 * outcome.
 */
export const recordDeletes = (
  inner: Driver,
  observer: {
    readonly before?: (items: readonly DeleteItem[]) => void | Promise<void>;
    readonly after?: (deletes: readonly RecordedDelete[]) => void | Promise<void>;
  },
): Driver => new RecordingDriver(inner, observer);

class RecordingDriver extends ForwardingDriver {
  readonly #observer: Parameters<typeof recordDeletes>[1];

  constructor(inner: Driver, observer: Parameters<typeof recordDeletes>[1]) {
    super(inner);
    this.passTableSql();
    this.#observer = observer;
  }

  override async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    await this.#observer.before?.(items);
    let outcomes: readonly DeleteOutcome[] = [];
    try {
      outcomes = await this.inner.delete(items, signal);
      return outcomes;
    } finally {
      await this.#observer.after?.(items.map((item, index) => ({ item, outcome: outcomes[index] })));
    }
  }
}
