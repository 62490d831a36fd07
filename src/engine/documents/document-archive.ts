import type { MetadataRow, OwnDocuments } from '../../archive/metadata-store.ts';
import type { DocumentKey } from '../../drivers/contract.ts';
import type { ContentSource } from './content-source.ts';

/** The content of a stored document. What is sent was checked, or the stream ends with an error. Dispose of it. */
export interface OpenDocument extends Disposable {
  /** undefined where it is only known at the end. */
  readonly sizeBytes: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * The documents of one archive. A crash at any instant leaves the old or the new content of a document readable, never
 * neither; of several writers at once, one wins whole. See docs/adr/0006-replacing-a-document.md.
 */
export interface DocumentArchive extends AsyncDisposable {
  /** Stores or replaces; when it resolves, the content is durable. */
  put(key: DocumentKey, content: ContentSource, signal: AbortSignal): Promise<void>;
  /** undefined where there is no such document. Throws `document.*` where its bytes are not as they should be. */
  open(key: DocumentKey, signal: AbortSignal): Promise<OpenDocument | undefined>;
  /** false where there was none. */
  delete(key: DocumentKey, signal: AbortSignal): Promise<boolean>;
  /** One page of an account's documents, by bucket and archive id. */
  list(which: OwnDocuments): Promise<readonly MetadataRow[]>;
  /** Finds out what became of writes and deletes that an ended service has left. Resolves with how many still wait. */
  recover(signal: AbortSignal): Promise<number>;
}
