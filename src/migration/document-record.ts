import type { DocumentKey, ObjectRef } from '../drivers/contract.ts';
import type { DocumentState } from './phases.ts';

/** One document of a migration, as its journal has it. */
export interface DocumentRecord {
  readonly seq: number;
  readonly key: DocumentKey;
  readonly state: DocumentState;
  readonly source: {
    readonly url: string;
    readonly digest: string | null;
    readonly sizeBytes: number | null;
    readonly compressed: boolean | null;
    readonly lastUpdated: number | null;
    /** Digest of the bytes that were copied; known from the intent on. */
    readonly readDigest: string | null;
  };
  /** Known from the intent on; digest, size and compressed from the copy on. */
  readonly destination:
    | {
        readonly url: string;
        readonly digest: string | null;
        readonly sizeBytes: number | null;
        readonly compressed: boolean | null;
      }
    | undefined;
  /** The digest intended before the present one: what a killed replacement may have left. */
  readonly previousDigest: string | null;
  readonly sha256: string | null;
  /** Nothing stood at the destination before our first write: what is there now is ours. */
  readonly owned: boolean;
  /** The destination already holds what a rollback needs: it is hashed, not written. */
  readonly reuse: boolean;
  /** The object at the source was there before us, and is never ours to delete. */
  readonly foreignSource: boolean;
  readonly attempts: number;
  /** A write of this key was begun whose outcome is not known: it may still land (rule R9). */
  readonly unsettled: boolean;
  /** The same of a delete: it may still take away what stands there by then. */
  readonly deleteUnsettled: boolean;
  readonly errorCode: string | null;
  readonly errorText: string | null;
}

/** A row of `archive_mover_document`, as the database gives it. */
export interface DocumentRow {
  seq: number;
  bucket: string;
  archive_id: string;
  user_id: string;
  document_name: string;
  state: DocumentState;
  src_url: string | null;
  src_digest: string | null;
  src_size: number | null;
  src_compressed: boolean | null;
  src_last_updated: number | null;
  read_digest: string | null;
  dst_url: string | null;
  dst_digest: string | null;
  dst_size: number | null;
  dst_compressed: boolean | null;
  prev_digest: string | null;
  sha256: string | null;
  owned: boolean;
  reuse: boolean;
  foreign_source: boolean;
  attempts: number;
  unsettled: boolean;
  delete_unsettled: boolean;
  error_code: string | null;
  error_text: string | null;
}

export const DOCUMENT_COLUMNS = `seq, bucket, archive_id, user_id, document_name, state, src_url, src_digest, src_size, src_compressed,
  src_last_updated, read_digest, dst_url, dst_digest, dst_size, dst_compressed, prev_digest, sha256, owned, reuse, foreign_source, attempts,
  unsettled, delete_unsettled, error_code, error_text`;

export const fromDocumentRow = (row: DocumentRow): DocumentRecord => ({
  seq: row.seq,
  key: { userId: row.user_id, bucket: row.bucket, archiveId: row.archive_id, documentName: row.document_name },
  state: row.state,
  source: {
    url: row.src_url ?? '',
    digest: row.src_digest,
    sizeBytes: row.src_size,
    compressed: row.src_compressed,
    lastUpdated: row.src_last_updated,
    readDigest: row.read_digest,
  },
  destination:
    row.dst_url === null
      ? undefined
      : { url: row.dst_url, digest: row.dst_digest, sizeBytes: row.dst_size, compressed: row.dst_compressed },
  previousDigest: row.prev_digest,
  sha256: row.sha256,
  owned: row.owned,
  reuse: row.reuse,
  foreignSource: row.foreign_source,
  attempts: row.attempts,
  unsettled: row.unsettled,
  deleteUnsettled: row.delete_unsettled,
  errorCode: row.error_code,
  errorText: row.error_text,
});

export const sourceRef = (document: DocumentRecord): ObjectRef => ({ key: document.key, url: document.source.url });
export const destinationRef = (document: DocumentRecord): ObjectRef => ({
  key: document.key,
  url: document.destination?.url ?? '',
});
