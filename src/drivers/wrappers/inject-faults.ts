import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  BulkOperations,
  BulkResult,
  DocumentKey,
  Driver,
  ListedObject,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  StoredObject,
} from '../contract.ts';
import { damageBytes, damageChunks, type Fault, type FaultScript, makeFaultError } from './faults.ts';
import { type BytesItem, type Call, ForwardingDriver, type Operation } from './forwarding-driver.ts';

/**
 * Makes requests go wrong as the script says, for tests. A body that is damaged on its way to the store is stored
 * damaged, with no error: the store believes it. In bulk operations the first object is the one that is damaged.
 */
export const injectFaults = (inner: Driver, script: FaultScript): Driver => new FaultyDriver(inner, script);

class FaultyDriver extends ForwardingDriver {
  readonly #script: FaultScript;
  readonly #counts = new Map<Operation | 'all', number>();

  constructor(inner: Driver, script: FaultScript) {
    super(inner);
    this.#script = script;
  }

  protected override call<T>(call: Call<T>): Promise<T> {
    return this.#meet(this.#next(call.operation, call.subject), call);
  }

  override async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    const fault = this.#next('get', ref.url);
    const send = (s: AbortSignal | undefined) => this.inner.get(ref, s);
    const object = await this.#meet(fault, { operation: 'get', subject: ref.url, signal, send });
    return fault === undefined ? object : { ...object, chunks: damageChunks(object.chunks, fault, ref.url) };
  }

  override async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    const subject = this.locate(key);
    const fault = this.#next('put', subject);
    const body = fault === undefined ? payload : await damagePayload(payload, fault, subject);
    const send = (): Promise<PutReceipt> => this.inner.put(key, body, options);
    return this.#meet(fault, { operation: 'put', subject, signal: options.signal, send });
  }

  override async *list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    const fault = this.#next('list', this.name);
    await this.#meet(fault, { operation: 'list', subject: this.name, signal, send: async () => undefined });
    yield* this.inner.list(signal);
  }

  protected override async bulkGet(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<Uint8Array>[]> {
    const subject = refs.map((ref) => ref.url).join('\n');
    const fault = this.#next('bulk.get', subject);
    const send = (s: AbortSignal | undefined) => bulk.get(refs, s);
    const [first, ...others] = await this.#meet(fault, { operation: 'bulk.get', subject, signal, send });
    if (first === undefined) return [];
    return [first.ok && fault !== undefined ? { ok: true, value: damageBytes(first.value, fault) } : first, ...others];
  }

  protected override async bulkPut(
    bulk: BulkOperations,
    items: readonly BytesItem[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    const subject = items.map(({ key }) => this.locate(key)).join('\n');
    const fault = this.#next('bulk.put', subject);
    const [first, ...others] = items;
    const damaged = first === undefined || fault === undefined ? items : [damageItem(first, fault), ...others];
    const send = (): Promise<readonly BulkResult<PutReceipt>[]> => bulk.put(damaged, options);
    return this.#meet(fault, { operation: 'bulk.put', subject, signal: options.signal, send });
  }

  #next(operation: Operation, subject: string): Fault | undefined {
    const count = (name: Operation | 'all'): number => {
      const next = (this.#counts.get(name) ?? 0) + 1;
      this.#counts.set(name, next);
      return next;
    };
    return this.#script({ operation, subject, index: count('all'), operationIndex: count(operation) });
  }

  /** Sends the request with everything about the fault that is not in the body. */
  async #meet<T>(fault: Fault | undefined, { subject, signal, send }: Call<T>): Promise<T> {
    switch (fault?.kind) {
      case 'error': {
        if (fault.when === 'after') await send(signal);
        throw makeFaultError(fault, subject);
      }
      case 'delay':
        await sleep(fault.delayMs, undefined, signal === undefined ? {} : { signal });
        return send(signal);
      case 'hang':
        return hang(signal);
      case 'truncate':
      case 'flip':
      case 'break':
      case undefined:
        return send(signal);
    }
  }
}

const hang = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    if (signal?.aborted === true) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

const damageItem = ({ key, payload }: BytesItem, fault: Fault): BytesItem => {
  const bytes = damageBytes(payload.bytes, fault);
  if (bytes === payload.bytes) return { key, payload };
  return { key, payload: { ...payloadOf(bytes), bytes } };
};

/** With the digest of what it has become, so that the driver itself has nothing to complain about. */
const damagePayload = async (payload: Payload, fault: Fault, subject: string): Promise<Payload> => {
  if (fault.kind !== 'truncate' && fault.kind !== 'flip') return payload;
  const chunks: Uint8Array[] = [];
  for await (const chunk of damageChunks(payload.open(), fault, subject)) chunks.push(chunk);
  return payloadOf(Buffer.concat(chunks));
};

const payloadOf = (bytes: Uint8Array): Payload => ({
  sizeBytes: bytes.length,
  md5: md5Of(bytes),
  bytes,
  open: async function* () {
    yield bytes;
  },
});
