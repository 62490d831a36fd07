import { hash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { PassThrough, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createDeflate, createInflate, deflate, deflateSync, inflate, inflateSync } from 'node:zlib';
import { AppError, toAppError } from '../core/errors.ts';

/** Compression settings of a store: whether, and from which size. Source: COMPATIBILITY.md, Documents. */
export interface Codec {
  readonly enabled: boolean;
  /** Content longer than this is compressed; in KiB. */
  readonly minSizeKbytes: number;
}

/** The level that Anchore Engine writes with. */
const ZLIB_LEVEL = 3;
/** Below this size, handing the work to the thread pool costs more than doing it here; in bytes. */
const INLINE_BYTES = 16 * 1024;
/** What one document may decompress to in memory before it is streamed instead; in bytes. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

const inflateAsync = promisify(inflate);
const deflateAsync = promisify<Uint8Array, { level: number }, Buffer>(deflate);

/** Whether content of this length is stored compressed. `supported` is the driver's own ability. */
export const compresses = (codec: Codec, supported: boolean, contentBytes: number): boolean =>
  codec.enabled && supported && contentBytes > codec.minSizeKbytes * 1024;

/** The payload decompressed; undefined where it would exceed what belongs in memory. Throws `document.undecodable`. */
export const decompress = async (payload: Uint8Array): Promise<Uint8Array | undefined> => {
  try {
    const options = { maxOutputLength: MAX_INFLATED_BYTES };
    return payload.length <= INLINE_BYTES ? inflateSync(payload, options) : await inflateAsync(payload, options);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw undecodable(error);
  }
};

export const compress = async (content: Uint8Array): Promise<Uint8Array> =>
  content.length <= INLINE_BYTES
    ? deflateSync(content, { level: ZLIB_LEVEL })
    : await deflateAsync(content, { level: ZLIB_LEVEL });

const undecodable = (error: unknown): AppError =>
  new AppError('document.undecodable', `the payload cannot be decompressed: ${toAppError(error).message}`, {
    cause: error,
  });

async function* through(
  chunks: AsyncIterable<Uint8Array>,
  transform: ReturnType<typeof createInflate> | ReturnType<typeof createDeflate>,
  mapError: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  let sourceError: unknown;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  const output: Readable = new PassThrough({ readableHighWaterMark: 64 * 1024 });
  const done = pipeline(source(), transform, output as PassThrough).catch((error: unknown) => {
    output.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    for await (const chunk of output) yield chunk as Uint8Array;
    await done;
  } catch (error) {
    throw sourceError ?? mapError(error);
  } finally {
    output.destroy();
    transform.destroy();
  }
}

/** The stream decompressed. Throws `document.undecodable` for damaged data, and the source's own errors as they are. */
export const decompressStream = (chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  through(chunks, createInflate(), undecodable);

export const compressStream = (chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  through(chunks, createDeflate({ level: ZLIB_LEVEL }), toAppError);

export const md5Of = (bytes: Uint8Array): string => hash('md5', bytes);
export const sha256Of = (bytes: Uint8Array): string => hash('sha256', bytes);

/** All chunks as one buffer. `limitBytes` ends the reading with undefined where there is more. */
export const readAll = async (chunks: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Buffer | undefined> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limitBytes) return undefined;
    parts.push(chunk);
  }
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  return Buffer.concat(parts, size);
};
