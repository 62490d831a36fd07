import { createHash } from 'node:crypto';
import { AppError, isAppError } from '../core/errors.ts';
import type { Driver, ObjectRef, Payload } from '../drivers/contract.ts';
import {
  type Codec,
  compress,
  compressStream,
  compresses,
  decompress,
  decompressStream,
  md5Of,
  readAll,
  sha256Of,
} from './codec.ts';

/** What a row says of a payload; null where the row does not say. */
export interface ExpectedPayload {
  readonly digest: string | null;
  readonly sizeBytes: number | null;
  readonly compressed: boolean | null;
}

/** A document read from one store and made ready for another. */
export interface EncodedDocument {
  readonly payload: Payload;
  readonly compressed: boolean;
  /** Lower-case hex SHA-256 of the content. */
  readonly sha256: string;
  /** What was read at the source. */
  readonly sourceDigest: string;
  readonly sourceSizeBytes: number;
}

/** Payloads up to this size are held in memory; larger ones are streamed, twice. In bytes. */
export const IN_MEMORY_BYTES = 8 * 1024 * 1024;

const short = (value: string): string => value.slice(0, 12);

/** Throws `document.wrong-size` or `document.corrupt` where what was read is not what the row says. */
const checkSource = (expected: ExpectedPayload, ref: ObjectRef, digest: string, sizeBytes: number): void => {
  if (expected.sizeBytes !== null && expected.sizeBytes !== sizeBytes) {
    throw new AppError('document.wrong-size', `${ref.url}: expected ${expected.sizeBytes} bytes; got ${sizeBytes}`);
  }
  if (expected.digest !== null && expected.digest !== digest) {
    throw new AppError(
      'document.corrupt',
      `${ref.url}: expected MD5 ${short(expected.digest)}...; got ${short(digest)}...`,
    );
  }
};

/** `store.not-found` of a source object as the document's own error. */
export const asDocumentError = (error: unknown, ref: ObjectRef): unknown =>
  isAppError(error, 'store.not-found')
    ? new AppError('document.missing', `${ref.url}: the source does not have it`, { cause: error })
    : error;

export type BytesPayload = Payload & { readonly bytes: Uint8Array };

/** Bytes as a payload. `md5`, if given, was computed from them. */
export const payloadOf = (bytes: Uint8Array, md5 = md5Of(bytes)): BytesPayload => ({
  sizeBytes: bytes.length,
  md5,
  hashed: true,
  bytes,
  open: async function* () {
    yield bytes;
  },
});

/**
 * Checks a payload that is in memory against its row, and encodes it for the destination. undefined where it would
 * decompress to more than belongs in memory: then `encodeStream` does it.
 */
export const encodeBytes = async (
  bytes: Uint8Array,
  expected: ExpectedPayload,
  ref: ObjectRef,
  codec: Codec,
  compressionSupported: boolean,
): Promise<EncodedDocument | undefined> => {
  const sourceDigest = md5Of(bytes);
  checkSource(expected, ref, sourceDigest, bytes.length);
  const wasCompressed = expected.compressed === true;
  const content = wasCompressed ? await decompress(bytes) : bytes;
  if (content === undefined) return undefined;
  const compressed = compresses(codec, compressionSupported, content.length);
  const target = compressed === wasCompressed ? bytes : compressed ? await compress(content) : content;
  const sha256 = sha256Of(content);
  const payload = target === bytes ? payloadOf(bytes, sourceDigest) : payloadOf(target);
  return {
    payload: target === content ? { ...payload, sha256 } : payload,
    compressed,
    sha256,
    sourceDigest,
    sourceSizeBytes: bytes.length,
  };
};

async function* tap(chunks: AsyncIterable<Uint8Array>, see: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    see(chunk);
    yield chunk;
  }
}

const drain = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of chunks) void _;
};

/** A hash and a count of what passes. */
const meter = (algorithm: 'md5' | 'sha256') => {
  const hash = createHash(algorithm);
  let sizeBytes = 0;
  return {
    see: (chunk: Uint8Array): void => {
      hash.update(chunk);
      sizeBytes += chunk.length;
    },
    end: () => ({ digest: hash.digest('hex'), sizeBytes }),
  };
};

/**
 * The same for a payload of any size, in constant memory: a first reading checks the source and measures what the
 * destination will get, so that nothing unverified is ever written; `payload.open` reads the source again.
 */
const encodeStream = async (
  driver: Driver,
  ref: ObjectRef,
  expected: ExpectedPayload,
  codec: Codec,
  compressionSupported: boolean,
  signal?: AbortSignal,
): Promise<EncodedDocument> => {
  const wasCompressed = expected.compressed === true;
  const read = async function* (innerSignal?: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* (await driver.get(ref, innerSignal ?? signal)).chunks;
  };
  const source = meter('md5');
  const content = meter('sha256');
  const raw = tap(read(), source.see);
  await drain(tap(wasCompressed ? decompressStream(raw) : raw, content.see));
  const seen = source.end();
  const plain = content.end();
  checkSource(expected, ref, seen.digest, seen.sizeBytes);

  const compressed = compresses(codec, compressionSupported, plain.sizeBytes);
  const recode = (chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    compressed === wasCompressed ? chunks : compressed ? compressStream(chunks) : decompressStream(chunks);
  let target = { digest: seen.digest, sizeBytes: seen.sizeBytes };
  if (compressed !== wasCompressed) {
    const measured = meter('md5');
    await drain(tap(recode(read()), measured.see));
    target = measured.end();
  }
  return {
    payload: { sizeBytes: target.sizeBytes, md5: target.digest, open: (inner) => recode(read(inner)) },
    compressed,
    sha256: plain.digest,
    sourceDigest: seen.digest,
    sourceSizeBytes: seen.sizeBytes,
  };
};

/** Reads an object to its end, and says what it is; `sha256` of the content, decompressed where `compressed`. */
export const measureObject = async (
  driver: Driver,
  ref: ObjectRef,
  compressed: boolean,
  signal?: AbortSignal,
): Promise<{ readonly md5: string; readonly sizeBytes: number; readonly sha256: string }> => {
  const source = meter('md5');
  const content = meter('sha256');
  const raw = tap((await driver.get(ref, signal)).chunks, source.see);
  await drain(tap(compressed ? decompressStream(raw) : raw, content.see));
  const seen = source.end();
  return { md5: seen.digest, sizeBytes: seen.sizeBytes, sha256: content.end().digest };
};

/** Reads a document for encoding: in memory where it is small, streamed otherwise. Errors are the document's own. */
export const readDocument = async (
  driver: Driver,
  ref: ObjectRef,
  expected: ExpectedPayload,
  codec: Codec,
  compressionSupported: boolean,
  signal?: AbortSignal,
): Promise<EncodedDocument> => {
  try {
    if (expected.sizeBytes === null || expected.sizeBytes <= IN_MEMORY_BYTES) {
      const object = await driver.get(ref, signal);
      if (object.sizeBytes === undefined || object.sizeBytes <= IN_MEMORY_BYTES) {
        const bytes = await readAll(object.chunks, IN_MEMORY_BYTES);
        const encoded = bytes && (await encodeBytes(bytes, expected, ref, codec, compressionSupported));
        if (encoded !== undefined) return encoded;
      } else {
        await releaseObject(object.chunks);
      }
    }
    return await encodeStream(driver, ref, expected, codec, compressionSupported, signal);
  } catch (error) {
    throw asDocumentError(error, ref);
  }
};

/** Frees an object that will not be read: a generator runs its clean-up only once it has begun. */
const releaseObject = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of chunks) return;
};
