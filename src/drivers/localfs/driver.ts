import { link, unlink, writeFile } from 'node:fs/promises';
import { AppError, toAppError } from '../../core/errors.ts';
import type {
  BulkOperations,
  BulkResult,
  Capabilities,
  DeleteItem,
  DeleteOutcome,
  DocumentKey,
  Driver,
  ListedObject,
  ObjectInfo,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  StoredObject,
  StoreCondition,
  StoreIdentity,
} from '../contract.ts';
import { mapLimited } from '../map-limited.ts';
import type { LocalfsOptions } from './config.ts';
import { deleteFiles } from './delete-files.ts';
import { isErrno, toStoreError } from './failure.ts';
import { FolderIdentities } from './folder-identity.ts';
import { FolderKeeper, syncFolder } from './folder-keeper.ts';
import { inspectFolder } from './inspect.ts';
import { joinRoot, normalPath, parsePlace, planRelativePath, SCHEME } from './layout.ts';
import { openFile, readObject } from './read-file.ts';
import { makeTemporaryName } from './temporary-files.ts';
import { findDocuments, findForeignFiles, removeStaleFiles } from './walk.ts';
import { type StagedFile, stageFile, type WriterParts } from './write-file.ts';

const CONCURRENCY = 8;
const BULK_ITEMS = 128;
const BULK_BYTES = 16 * 1024 * 1024;
const NAMED_FOREIGN_FILES = 5;
/** The smallest limit of the file systems in use (ext4 with blocks of 4 KiB). */
const MAX_PAYLOAD_BYTES = 16 * 1024 ** 4;

/** Files below one folder, in the layout of Anchore Engine. */
class LocalfsDriver implements Driver {
  readonly name = 'localfs';
  readonly bulk: BulkOperations;
  readonly #root: string;
  readonly #identities: FolderIdentities;
  readonly #folders: FolderKeeper;
  readonly #writer: WriterParts;
  #hasLinks = true;
  #cleaned = false;

  constructor(options: LocalfsOptions, identities: FolderIdentities) {
    this.#root = options.archiveDataDir;
    this.#identities = identities;
    this.#folders = new FolderKeeper(options);
    this.#writer = {
      root: this.#root,
      identities,
      folders: this.#folders,
      ownership: options,
      hasLinks: () => this.#hasLinks,
    };
    this.bulk = {
      maxItems: BULK_ITEMS,
      maxBytes: BULK_BYTES,
      get: (refs, signal) => this.#bulkGet(refs, signal),
      put: (items, putOptions) => this.#bulkPut(items, putOptions),
      head: (refs, signal) => mapLimited(refs, CONCURRENCY, (ref) => attempt(() => this.head(ref, signal))),
    };
  }

  get capabilities(): Capabilities {
    return {
      compression: true,
      conditionalPut: this.#hasLinks,
      strongListing: true,
      inDatabase: false,
      versions: true,
      maxPayloadBytes: MAX_PAYLOAD_BYTES,
      concurrency: CONCURRENCY,
    };
  }

  locate(key: DocumentKey): string {
    return SCHEME + joinRoot(this.#root, planRelativePath(key));
  }

  recognises(url: string): boolean {
    return url.startsWith(SCHEME) && url.length > SCHEME.length;
  }

  objectId(ref: ObjectRef): string {
    try {
      return normalPath(parsePlace(ref.url, this.#root));
    } catch {
      return ref.url; // reading it will say what is wrong with it
    }
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if ((await this.#identities.note(this.#root)) === undefined) await this.#folders.makeRoot(this.#root);
    await this.#identities.check(this.#root);
    const foreign = await findForeignFiles(this.#root, NAMED_FOREIGN_FILES);
    if (foreign.length > 0) {
      const names = foreign.map((name) => JSON.stringify(name)).join(', ');
      throw new AppError('refused.foreign-files', `${this.#root} holds what is not part of an archive: ${names}`);
    }
    this.#hasLinks = await probeLinks(this.#root);
    if (!this.#cleaned) await removeStaleFiles(this.#root, signal);
    this.#cleaned = true;
  }

  /**
   * The fingerprint is the same on every machine that has the folder mounted in the same place, and after a restart,
   * both of which can change the device's number.
   */
  async identify(signal?: AbortSignal): Promise<StoreIdentity> {
    signal?.throwIfAborted();
    const { realPath, inode, bornNs } = await this.#identities.check(this.#root);
    return {
      driver: 'localfs',
      fingerprint: `localfs:${realPath}#${inode}@${bornNs}`,
      // One process sees one file system: there, equal paths are always equal files.
      namespace: 'file',
      description: `folder ${this.#root}`,
    };
  }

  async inspect(signal?: AbortSignal): Promise<readonly StoreCondition[]> {
    signal?.throwIfAborted();
    return inspectFolder(this.#root);
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    signal?.throwIfAborted();
    return readObject(parsePlace(ref.url, this.#root), this.#identities, signal);
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    try {
      await using file = await openFile(parsePlace(ref.url, this.#root), this.#identities);
      return { sizeBytes: file.sizeBytes, md5: undefined, version: file.version };
    } catch (error) {
      if (error instanceof AppError && error.code === 'store.not-found') return undefined;
      throw error;
    }
  }

  async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    options.signal?.throwIfAborted();
    const url = this.locate(key);
    await using file = await stageFile(this.#writer, key, payload, options.signal);
    await file.sync();
    options.signal?.throwIfAborted();
    await file.publish(options.mode);
    await syncFolder(file.folder);
    return { url, md5: file.md5, sizeBytes: payload.sizeBytes };
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    signal?.throwIfAborted();
    return deleteFiles({ root: this.#root, identities: this.#identities, folders: this.#folders }, items, signal);
  }

  async *list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    signal?.throwIfAborted();
    await this.#identities.check(this.#root);
    for await (const { relative, sizeBytes } of findDocuments(this.#root, signal)) {
      yield { url: SCHEME + joinRoot(this.#root, relative), sizeBytes };
    }
    // A mount that went meanwhile looks like folders that have become empty.
    await this.#identities.check(this.#root);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Every operation closes what it opens.
  }

  #bulkGet(refs: readonly ObjectRef[], signal?: AbortSignal): Promise<readonly BulkResult<Uint8Array>[]> {
    signal?.throwIfAborted();
    return mapLimited(refs, CONCURRENCY, (ref) =>
      attempt(async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of (await this.get(ref, signal)).chunks) chunks.push(chunk);
        const [first] = chunks;
        return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
      }),
    );
  }

  /**
   * Writes all, syncs all, names all, and syncs each folder once: as durable as one by one, with fewer waits for the
   * disk.
   */
  async #bulkPut(
    items: readonly { readonly key: DocumentKey; readonly payload: Payload & { readonly bytes: Uint8Array } }[],
    { mode, signal }: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    signal?.throwIfAborted();
    await using staged = new AsyncDisposableStack();
    const files = await mapLimited(items, CONCURRENCY, ({ key, payload }) =>
      attempt(async () => staged.use(await stageFile(this.#writer, key, payload, signal))),
    );
    const synced = await forGood(files, (file) => file.sync());
    signal?.throwIfAborted();
    const published = await forGood(synced, (file) => file.publish(mode));
    const folders = new Set(published.flatMap((file) => (file.ok ? [file.value.folder] : [])));
    const syncs = await mapLimited(
      [...folders],
      CONCURRENCY,
      async (folder) => [folder, await attempt(() => syncFolder(folder))] as const,
    );
    const folderSyncs = new Map(syncs);
    return published.map((file, index): BulkResult<PutReceipt> => {
      const item = items[index];
      if (!file.ok) return file;
      const sync = folderSyncs.get(file.value.folder);
      if (sync?.ok === false) return sync;
      if (item === undefined) throw new AppError('internal', 'more answers than items');
      return {
        ok: true,
        value: { url: this.locate(item.key), md5: file.value.md5, sizeBytes: item.payload.sizeBytes },
      };
    });
  }
}

const attempt = async <T>(work: () => Promise<T>): Promise<BulkResult<T>> => {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
};

/** Goes on with those that have done well so far. */
const forGood = (
  files: readonly BulkResult<StagedFile>[],
  work: (file: StagedFile) => Promise<void>,
): Promise<BulkResult<StagedFile>[]> =>
  mapLimited(files, CONCURRENCY, async (file) => {
    if (!file.ok) return file;
    const outcome = await attempt(() => work(file.value));
    return outcome.ok ? file : outcome;
  });

/** Whether the file system has hard links. Some of those for other systems, and some on the network, do not. */
const probeLinks = async (root: string): Promise<boolean> => {
  const [path, second] = [joinRoot(root, makeTemporaryName()), joinRoot(root, makeTemporaryName())];
  try {
    await writeFile(path, '', { flag: 'wx' });
    try {
      await link(path, second);
      return true;
    } catch (error) {
      if (isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV')) return false;
      throw error;
    }
  } catch (error) {
    throw toStoreError(error, root);
  } finally {
    await unlink(path).catch(() => undefined);
    await unlink(second).catch(() => undefined);
  }
};

/** Takes note of what the folder is now; one that does not exist is made by `prepare`. */
export const openLocalfsDriver = async (options: LocalfsOptions): Promise<Driver> => {
  const identities = new FolderIdentities();
  await identities.note(options.archiveDataDir);
  return new LocalfsDriver(options, identities);
};
