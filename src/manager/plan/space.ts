import { statfs } from 'node:fs/promises';
import type { ArchiveConfig } from '../../config/archive-section.ts';
import { AppError } from '../../core/errors.ts';
import { readableBytes } from '../../core/readable-bytes.ts';
import type { Store } from '../../archive/store.ts';
import type { Work } from './estimate.ts';
import { findExistingFolder } from './open-stores.ts';
import type { Space } from './plan.ts';

/**
 * What the journal's row of one document takes in the database, with its indexes and the room that its page keeps for changes:
 * measured 1,670 to 1,940 over 20,000 documents whose names are digests, and up to 3,400 over 500. In bytes; `docs/operations.md`
 * says it too.
 */
export const JOURNAL_BYTES = 2_000;
/** A file takes whole blocks, and some of a folder; in bytes. */
const BLOCK_BYTES = 4_096;

/** Neither S3, Swift and Azure nor a database server tell a client how much room is left: only a folder's file system does. */
const freeBytesOf = async ({ driver }: ArchiveConfig): Promise<number | null> => {
  if (driver.name !== 'localfs') return null;
  const { bavail, bsize } = await statfs(await findExistingFolder(driver.options.archiveDataDir));
  return bavail * bsize;
};

const isInDatabase = ({ driver }: ArchiveConfig): boolean => driver.name === 'db' || driver.name === 'db2';

export interface SpaceRequest {
  readonly from: ArchiveConfig;
  readonly to: ArchiveConfig;
  readonly source: Store;
  readonly work: Work;
  /** Bytes written for each byte read. */
  readonly ratio: number;
  readonly cleans: boolean;
  /** So many documents lie on both sides at most; undefined for all. */
  readonly atOnce: number | undefined;
  readonly reclaims: boolean;
  /** The store keeps the versions of what is deleted. */
  readonly versioned: boolean;
}

export const planSpace = async (request: SpaceRequest): Promise<Space> => {
  const { from, to, work, ratio } = request;
  const left = work.documents - work.copied;
  const documents = sharesRoom(request) ? Math.min(left, request.atOnce ?? left) : left;
  const share = left === 0 ? 0 : documents / left;
  const payload = Math.max(0, work.bytes - work.copiedBytes) * ratio * share;
  const blocks = to.driver.name === 'localfs' ? (documents * BLOCK_BYTES) / 2 : 0;
  return {
    neededBytes: Math.round(payload + blocks),
    freeBytes: await freeBytesOf(to),
    journalBytes: work.documents * JOURNAL_BYTES,
    freedBytes: request.cleans && !request.versioned ? await freedBytesOf(request) : 0,
    freedHow: freedHow(request, isInDatabase(from)),
  };
};

/** Only where both stores are folders does what the source frees make room for the next copies. */
const sharesRoom = ({ from, to }: SpaceRequest): boolean =>
  from.driver.name === 'localfs' && to.driver.name === 'localfs';

const freedBytesOf = async ({ source, work, from }: SpaceRequest): Promise<number> => {
  if (source.driver.space !== undefined) return (await source.driver.space.measure()).sizeBytes;
  return work.bytes + (from.driver.name === 'localfs' ? (work.documents * BLOCK_BYTES) / 2 : 0);
};

const freedHow = ({ cleans, reclaims, versioned }: SpaceRequest, inDatabase: boolean): string => {
  if (!cleans) return 'nothing: the source is kept (--nodelete)';
  if (versioned) return 'nothing by itself: the store keeps the versions of what is deleted';
  if (inDatabase)
    return reclaims ? 'given back at the end (--reclaim)' : 'given back with --reclaim, else kept for new rows';
  return 'when the source is cleaned';
};

/** Throws `store.full` where the copies will not fit. */
export const refuseFull = ({ neededBytes, freeBytes }: Space, place: string): void => {
  if (freeBytes === null || neededBytes <= freeBytes) return;
  throw new AppError(
    'store.full',
    `${place} has ${readableBytes(freeBytes)} free, and the copies need about ${readableBytes(neededBytes)}`,
  );
};
