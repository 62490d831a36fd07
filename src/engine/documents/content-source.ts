import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { compress, compressStream } from '../../archive/codec.ts';
import { payloadOf } from '../../archive/payload.ts';
import { AppError } from '../../core/errors.ts';
import type { Payload } from '../../drivers/contract.ts';
import type { DocumentMemory } from './document-memory.ts';

/** Content up to this size stays in memory where there is room; in bytes. */
const IN_MEMORY_BYTES = 1024 * 1024;

/** The content of a document that is to be stored, which can be read several times. Dispose of it. */
export interface ContentSource extends AsyncDisposable {
  readonly sizeBytes: number;
  /** The content as a payload: as it is, or compressed, which is done once. */
  encode(compressed: boolean): Promise<Payload>;
}

/** A writer that waits for another one asks for the same payload again and again. */
const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
};

/** Content that is in memory already, in a share of it that goes with the content. */
export const contentOf = (bytes: Uint8Array, share?: Disposable): ContentSource => {
  const asIs = once(async () => payloadOf(bytes));
  const compressedOnce = once(async () => payloadOf(await compress(bytes)));
  return {
    sizeBytes: bytes.length,
    encode: (compressed) => (compressed ? compressedOnce() : asIs()),
    [Symbol.asyncDispose]: async () => share?.[Symbol.dispose](),
  };
};

/** A file without a name: it goes with its descriptor, however the process ends. */
class HiddenFile {
  readonly #handle: FileHandle;
  readonly #hash = createHash('md5');
  #sizeBytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async create(folder: string): Promise<HiddenFile> {
    const path = join(folder, `anchore-engine-${randomUUID()}`);
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new HiddenFile(handle);
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#sizeBytes + done);
      done += bytesWritten;
    }
    this.#sizeBytes += bytes.length;
  }

  read(): AsyncIterable<Uint8Array> {
    if (this.#sizeBytes === 0) return noChunks();
    const options = { start: 0, end: this.#sizeBytes - 1, autoClose: false, highWaterMark: 256 * 1024 };
    // By its descriptor: the file has no name.
    return createReadStream('', { ...options, fd: this.#handle });
  }

  asPayload(): Payload {
    const md5 = this.#hash.copy().digest('hex');
    return { sizeBytes: this.#sizeBytes, md5, open: () => this.read() };
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

const noChunks = async function* (): AsyncGenerator<Uint8Array> {};

const sourceOf = (file: HiddenFile, folder: string): ContentSource => {
  const files = [file];
  const compressedOnce = once(async () => {
    const target = await HiddenFile.create(folder);
    files.push(target);
    for await (const chunk of compressStream(file.read())) await target.append(chunk);
    return target.asPayload();
  });
  return {
    sizeBytes: file.sizeBytes,
    encode: async (compressed) => (compressed ? compressedOnce() : file.asPayload()),
    [Symbol.asyncDispose]: async () => void (await Promise.allSettled(files.map((each) => each.close()))),
  };
};

export interface ReceiveOptions {
  readonly limitBytes: number;
  /** What the sender says how much it will be; undefined where it does not. */
  readonly announcedBytes: number | undefined;
  /** Where files go. */
  readonly folder: string;
  readonly memory: DocumentMemory;
}

/**
 * Takes a body in as it comes: what is small in memory while there is room, the rest in a file. Throws `request.too-large`
 * as soon as there is more than the limit.
 */
export const receiveContent = async (
  chunks: AsyncIterable<Uint8Array>,
  { limitBytes, announcedBytes = IN_MEMORY_BYTES, folder, memory }: ReceiveOptions,
): Promise<ContentSource> => {
  using resources = new DisposableStack();
  const share = announcedBytes > IN_MEMORY_BYTES ? undefined : memory.tryTakeForBody(announcedBytes);
  if (share !== undefined) resources.use(share);
  const inMemoryBytes = share === undefined ? 0 : share.sizeBytes;
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let file: HiddenFile | undefined;
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
      if (file === undefined && sizeBytes <= inMemoryBytes) {
        parts.push(chunk);
        continue;
      }
      if (file === undefined) {
        file = await HiddenFile.create(folder);
        for (const part of parts.splice(0)) await file.append(part);
      }
      await file.append(chunk);
    }
  } catch (error) {
    await file?.close();
    throw error;
  }
  return file === undefined ? contentOf(Buffer.concat(parts, sizeBytes), resources.move()) : sourceOf(file, folder);
};

export const tooLarge = (limitBytes: number): AppError =>
  new AppError('request.too-large', `expected at most ${limitBytes} bytes`);
