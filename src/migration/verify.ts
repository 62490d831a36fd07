import { listMetadata, type MetadataRow } from '../archive/metadata-store.ts';
import { measureObject } from '../archive/payload.ts';
import type { Store } from '../archive/store.ts';
import { toAppError } from '../core/errors.ts';
import type { Database, Queryable } from '../database/database.ts';
import { forEachConcurrent } from './concurrency.ts';
import { throwIfInterrupted } from './copy.ts';
import { type CurrentStore, findCurrentStores } from './current-store.ts';
import { findKnownExceptions, type RowFinding } from './known-exceptions.ts';
import { findOrphans, type Kept, type Orphan } from './orphans.ts';
import { archivePredicate, type ArchiveScope, planScope, scopeParameters } from './scope.ts';

/** One thing that is wrong, as it is found. */
export interface VerifyFinding {
  readonly kind: RowFinding['kind'] | 'orphan';
  /** `user/bucket/archiveId`, or the URL of an orphan. */
  readonly subject: string;
  readonly text: string;
  /** What the last migration has listed of this document lets expect just this: not counted as wrong. */
  readonly known: boolean;
}

export interface VerifyRequest {
  readonly store: Store;
  readonly archive: ArchiveScope;
  /** Only about so many documents, spread over the archive; undefined for all. */
  readonly sample: number | undefined;
  readonly report: (finding: VerifyFinding) => void;
  readonly signal: AbortSignal;
}

export interface VerifyResult {
  readonly documents: number;
  readonly read: number;
  readonly bytes: number;
  readonly wrong: number;
  readonly known: number;
  readonly orphans: number;
  /** Objects that no row names, but that a migration keeps: its source until it is cleaned, copies that it goes on with. */
  readonly kept: number;
  readonly keptFor: readonly Kept[];
}

const PAGE = 500;

/**
 * Reads every document of the archive through one configuration: what is missing, does not match its row, or cannot be
 * read is reported as it is found; so are objects of the store that no row names. Changes nothing.
 */
export const verifyArchive = async (db: Database, request: VerifyRequest): Promise<VerifyResult> => {
  const { store, signal } = request;
  const scope = planScope(store.driver, request.archive, []);
  const inArchive = (row: MetadataRow): boolean =>
    !scope.foreignBuckets.includes(row.key.bucket) && (scope.ownBuckets?.includes(row.key.bucket) ?? true);
  const total = await countRows(db, scope);
  const step = request.sample === undefined ? 1 : Math.max(1, Math.ceil(total / Math.max(1, request.sample)));
  const result = { documents: 0, read: 0, bytes: 0, wrong: 0, known: 0, orphans: 0 };
  const hasJournal = await findJournal(db);
  let after: MetadataRow | undefined;
  for (;;) {
    const page = await listMetadata(db, after?.key, PAGE);
    after = page.at(-1);
    if (after === undefined) break;
    const chosen = page.filter((row) => inArchive(row) && result.documents++ % step === 0);
    const findings: RowFinding[] = [];
    await forEachConcurrent(chosen, store.driver.capabilities.concurrency, async (row) => {
      throwIfInterrupted(signal);
      const finding = await verifyRow(store, row, result, signal);
      if (finding !== undefined) findings.push(finding);
    });
    if (findings.length === 0) continue;
    const known = hasJournal ? await findKnownExceptions(db, store, request.archive, findings) : new Set();
    for (const finding of findings) {
      const { row, kind, text } = finding;
      const isKnown = known.has(finding);
      if (isKnown) result.known += 1;
      else result.wrong += 1;
      request.report({
        kind,
        subject: `${row.key.userId}/${row.key.bucket}/${row.key.archiveId}`,
        text,
        known: isKnown,
      });
    }
  }
  const report = ({ url, text }: Orphan): void => {
    result.orphans += 1;
    request.report({ kind: 'orphan', subject: url, text, known: false });
  };
  const keptFor = request.sample === undefined ? await findOrphans(db, { store, hasJournal, report, signal }) : [];
  return { ...result, keptFor, kept: keptFor.reduce((sum, { objects }) => sum + objects, 0) };
};

const verifyRow = async (
  store: Store,
  row: MetadataRow,
  result: { read: number; bytes: number },
  signal: AbortSignal,
): Promise<RowFinding | undefined> => {
  const found = (kind: RowFinding['kind'], code: RowFinding['code'], text: string): RowFinding => ({
    row,
    kind,
    code,
    text,
  });
  const { contentUrl: url } = row;
  if (url === null) return undefined; // there is nothing to read
  if (!store.driver.recognises(url)) {
    return found('elsewhere', undefined, `${url} cannot be read with driver ${store.driver.name}`);
  }
  try {
    const seen = await measureObject(store.driver, { key: row.key, url }, row.compressed === true, signal);
    result.read += 1;
    result.bytes += seen.sizeBytes;
    if (row.sizeBytes !== null && seen.sizeBytes !== row.sizeBytes) {
      const text = `${url}: expected ${row.sizeBytes} bytes; got ${seen.sizeBytes}`;
      return found('wrong', 'document.wrong-size', text);
    }
    if (row.digest === null || seen.md5 === row.digest) return undefined;
    return found('wrong', 'document.corrupt', `${url}: the digest does not match`);
  } catch (thrown) {
    throwIfInterrupted(signal);
    const error = toAppError(thrown);
    switch (error.code) {
      case 'store.not-found':
        return found('missing', 'document.missing', `${url} does not exist`);
      case 'document.undecodable':
        return found('wrong', error.code, error.message);
      case 'store.unreachable':
      case 'store.credentials':
      case 'store.container-missing':
      case 'store.unmounted':
      case 'internal':
        throw error; // no document is to blame
      default:
        return found('unreadable', error.code, error.message);
    }
  }
};

const countRows = async (db: Queryable, scope: ReturnType<typeof planScope>): Promise<number> => {
  const { rows } = await db.query<{ count: number }>(
    `SELECT count(*) AS count FROM archive_metadata m WHERE ${archivePredicate(1)}`,
    scopeParameters(scope).slice(0, 2),
  );
  return rows[0]?.count ?? 0;
};

const findJournal = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ found: boolean }>(
    `SELECT to_regclass('archive_mover_document') IS NOT NULL AND to_regclass('archive_mover_migration') IS NOT NULL AS found`,
  );
  return rows[0]?.found === true;
};

/** Where the archive is, if that is another store than the one to be verified. */
export const findOtherCurrentStore = async (
  db: Queryable,
  store: Store,
  archive: ArchiveScope,
): Promise<CurrentStore | undefined> => {
  if (!(await findJournal(db))) return undefined;
  const current = await findCurrentStores(db, archive);
  return current.find(({ fingerprint }) => fingerprint !== store.identity.fingerprint);
};
