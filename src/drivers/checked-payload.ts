import { createHash, hash as oneShot } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { Payload } from './contract.ts';

const corrupt = (what: string, expected: string, got: string): AppError =>
  new AppError('store.corrupt', `${what}: expected ${expected}; got ${got}`);

const shortMd5 = (md5: string): string => `MD5 ${md5.slice(0, 8)}...`;

const md5Of = (bytes: Uint8Array): string => oneShot('md5', bytes);

/** Throws `store.corrupt` where the bytes are not what the payload announced. `place` names the object for a person. */
export const checkBytes = (payload: Payload & { readonly bytes: Uint8Array }, place: string): void => {
  const { bytes, sizeBytes } = payload;
  if (bytes.length !== sizeBytes) throw corrupt(place, `${sizeBytes} bytes`, `${bytes.length}`);
  if (payload.hashed === true) return;
  const md5 = md5Of(bytes);
  if (md5 !== payload.md5) throw corrupt(place, shortMd5(payload.md5), shortMd5(md5));
};

/**
 * The payload's chunks, followed by `store.corrupt` where they were not what it announced: write them, but keep what
 * was written only after the last has come. Ends with the signal's reason when it fires, even if the payload itself
 * does not listen.
 */
export async function* openChecked(
  payload: Payload,
  place: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  if (payload.bytes !== undefined && payload.hashed === true) {
    checkBytes({ ...payload, bytes: payload.bytes }, place);
    yield payload.bytes;
    return;
  }
  const hash = createHash('md5');
  let sizeBytes = 0;
  for await (const chunk of untilAborted(payload.open(signal), signal)) {
    sizeBytes += chunk.length;
    if (sizeBytes > payload.sizeBytes) throw corrupt(place, `${payload.sizeBytes} bytes`, 'more');
    hash.update(chunk);
    yield chunk;
  }
  if (sizeBytes !== payload.sizeBytes) throw corrupt(place, `${payload.sizeBytes} bytes`, `${sizeBytes}`);
  const md5 = hash.digest('hex');
  if (md5 !== payload.md5) throw corrupt(place, shortMd5(payload.md5), shortMd5(md5));
}

/** The payload's bytes in one piece, checked. Only for stores that take an object in one piece. */
export const collectBytes = async (payload: Payload, url: string, signal?: AbortSignal): Promise<Uint8Array> => {
  if (payload.bytes !== undefined) {
    checkBytes({ ...payload, bytes: payload.bytes }, url);
    return payload.bytes;
  }
  const bytes = Buffer.alloc(payload.sizeBytes);
  let offset = 0;
  for await (const chunk of openChecked(payload, url, signal)) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
};

/** The same items, until the signal fires: then its reason is thrown at once, and the source told to end. */
export async function* untilAborted<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  if (signal === undefined) return yield* items;
  signal.throwIfAborted();
  let fail: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      // Not a race with one promise for all items: that would hold on to every item until the end.
      const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
        fail = reject;
        iterator.next().then(resolve, reject);
      });
      if (step.done === true) return;
      yield step.value;
      signal.throwIfAborted();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not waited for where it was aborted: a source that hangs would keep us.
    const returned = Promise.resolve(iterator.return?.()).catch(() => undefined);
    if (!signal.aborted) await returned;
  }
}
