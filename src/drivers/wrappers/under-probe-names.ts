import type {
  BulkOperations,
  BulkResult,
  DocumentKey,
  Driver,
  ObjectInfo,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
} from '../contract.ts';
import { type BytesItem, type CopyWithin, ForwardingDriver } from './forwarding-driver.ts';

/** So many documents can lie under probe names at once. */
export const MAX_PROBES = 3_000;

const LOOKED_FOR = 8;

/** The same names in every run, so that the next one finds and removes what a kill has left. */
const probeKey = (number: number): DocumentKey => ({
  userId: 'anchore-manager',
  bucket: 'probe',
  archiveId: `probe-${number}`,
  documentName: `probe-${number}.json`,
});

const nameOf = ({ userId, bucket, archiveId, documentName }: DocumentKey): string =>
  JSON.stringify([userId, bucket, archiveId, documentName]);

/**
 * A store in which every document lies under a name of our own instead of its: real documents can be written to it for a
 * trial without touching the place where they belong. Does not own the driver that it wraps.
 */
export class ProbeDriver extends ForwardingDriver {
  readonly #numbers = new Map<string, number>();

  /** How many names have been given out. */
  get used(): number {
    return Math.min(this.#numbers.size, MAX_PROBES);
  }

  /** The name under which a document lies here; of the first `MAX_PROBES` each has its own. */
  #keyOf(key: DocumentKey): DocumentKey {
    if (key.userId === 'anchore-manager') return key;
    const name = nameOf(key);
    const number = this.#numbers.get(name) ?? this.#numbers.size % MAX_PROBES;
    this.#numbers.set(name, number);
    return probeKey(number);
  }

  #refOf({ key, url }: ObjectRef): ObjectRef {
    return { key: this.#keyOf(key), url };
  }

  override locate(key: DocumentKey): string {
    return super.locate(this.#keyOf(key));
  }

  override objectId(ref: ObjectRef): string {
    return super.objectId(this.#refOf(ref));
  }

  override get(ref: ObjectRef, signal?: AbortSignal): ReturnType<Driver['get']> {
    return super.get(this.#refOf(ref), signal);
  }

  override head(ref: ObjectRef, signal?: AbortSignal): ReturnType<Driver['head']> {
    return super.head(this.#refOf(ref), signal);
  }

  override put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    return super.put(this.#keyOf(key), payload, options);
  }

  protected override copy(
    copy: CopyWithin,
    ...[source, key, expected, signal]: Parameters<CopyWithin>
  ): Promise<PutReceipt> {
    return super.copy(copy, source, this.#keyOf(key), expected, signal);
  }

  protected override bulkPut(
    bulk: BulkOperations,
    items: readonly BytesItem[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    return super.bulkPut(
      bulk,
      items.map(({ key, payload }) => ({ key: this.#keyOf(key), payload })),
      options,
    );
  }

  protected override bulkHead(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<ObjectInfo | undefined>[]> {
    return super.bulkHead(
      bulk,
      refs.map((ref) => this.#refOf(ref)),
      signal,
    );
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    // The driver belongs to whoever opened it.
  }
}

/**
 * Deletes the first so many probes, whether they are there or not. Throws the first error of the store, once every one of
 * them has been tried.
 */
export const removeProbes = async (driver: Driver, count: number): Promise<void> => {
  const items = Array.from({ length: count }, (_, number) => {
    const key = probeKey(number);
    return { ref: { key, url: driver.locate(key) }, md5: undefined };
  });
  for (const answer of await driver.delete(items)) if (answer.outcome === 'failed') throw answer.error;
};

/** Whether a killed trial has left something: it writes in the order of the numbers, some at once. */
export const hasProbes = async (driver: Driver, signal?: AbortSignal): Promise<boolean> => {
  for (let number = 0; number < LOOKED_FOR; number += 1) {
    const key = probeKey(number);
    if ((await driver.head({ key, url: driver.locate(key) }, signal)) !== undefined) return true;
  }
  return false;
};

/** The name of a probe that is written alone. */
export const SINGLE_PROBE: DocumentKey = probeKey(0);
