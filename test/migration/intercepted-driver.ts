import type { Driver, ObjectRef, Payload, StoredObject } from '../../src/drivers/contract.ts';

/** One request to a store, as a test sees it. */
export interface StoreCall {
  readonly operation: 'get' | 'head' | 'put' | 'delete' | 'list';
  readonly urls: readonly string[];
}

export interface Interceptor {
  /** Runs around every request: may fail it before or after its effect, delay it, or look on. */
  around?<T>(call: StoreCall, request: () => Promise<T>): Promise<T>;
  /** What arrives of the bytes that are read. */
  read?(url: string, bytes: Uint8Array): Uint8Array;
  /** What the store makes of the bytes that it is sent. */
  write?(url: string, payload: Payload): Payload;
}

/** The driver as it is, seen through an interceptor. It has bulk operations where the driver has. */
export const interceptDriver = (driver: Driver, interceptor: Interceptor): Driver => {
  const around = <T>(call: StoreCall, request: () => Promise<T>): Promise<T> =>
    interceptor.around === undefined ? request() : interceptor.around(call, request);
  const reading = (operation: 'get' | 'head', refs: readonly ObjectRef[]): StoreCall => ({
    operation,
    urls: refs.map((ref) => ref.url),
  });
  const { bulk } = driver;
  return {
    name: driver.name,
    get capabilities() {
      return driver.capabilities;
    },
    locate: (key) => driver.locate(key),
    recognises: (url) => driver.recognises(url),
    objectId: (ref) => driver.objectId(ref),
    prepare: (signal) => driver.prepare(signal),
    identify: (signal) => driver.identify(signal),
    inspect: (signal) => driver.inspect(signal),
    get: (ref, signal) =>
      around(reading('get', [ref]), async () => {
        const object = await driver.get(ref, signal);
        return interceptor.read === undefined
          ? object
          : changeObject(object, ref.url, interceptor.read.bind(interceptor));
      }),
    head: (ref, signal) => around(reading('head', [ref]), () => driver.head(ref, signal)),
    put: (key, payload, options) => {
      const url = driver.locate(key);
      const kept = interceptor.write?.(url, payload) ?? payload;
      return around({ operation: 'put', urls: [url] }, () => driver.put(key, kept, options));
    },
    delete: (items, signal) =>
      around({ operation: 'delete', urls: items.map(({ ref }) => ref.url) }, () => driver.delete(items, signal)),
    list: async function* (signal) {
      await around({ operation: 'list', urls: [] }, () => Promise.resolve());
      yield* driver.list(signal);
    },
    ...(bulk && {
      bulk: {
        maxItems: bulk.maxItems,
        maxBytes: bulk.maxBytes,
        get: (refs, signal) =>
          around(reading('get', refs), async () => {
            const answers = await bulk.get(refs, signal);
            return answers.map((answer, index) => {
              const url = refs[index]?.url ?? '';
              return answer.ok && interceptor.read ? { ok: true, value: interceptor.read(url, answer.value) } : answer;
            });
          }),
        head: (refs, signal) => around(reading('head', refs), () => bulk.head(refs, signal)),
        put: (items, options) => {
          const urls = items.map(({ key }) => driver.locate(key));
          const kept = items.map((item, index) => {
            const payload = interceptor.write?.(urls[index] ?? '', item.payload) ?? item.payload;
            return { key: item.key, payload: { ...payload, bytes: payload.bytes ?? item.payload.bytes } };
          });
          return around({ operation: 'put', urls }, () => bulk.put(kept, options));
        },
      },
    }),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
};

const changeObject = (
  object: StoredObject,
  url: string,
  change: (url: string, bytes: Uint8Array) => Uint8Array,
): StoredObject => ({
  sizeBytes: object.sizeBytes,
  chunks: (async function* () {
    const parts: Uint8Array[] = [];
    for await (const part of object.chunks) parts.push(part);
    yield change(url, Buffer.concat(parts));
  })(),
});
