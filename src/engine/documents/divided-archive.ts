import type { MetadataRow, OwnDocuments } from '../../archive/metadata-store.ts';
import type { DocumentKey } from '../../drivers/contract.ts';
import { ANALYSIS_ARCHIVE_BUCKET } from '../../migration/scope.ts';
import type { ContentSource } from './content-source.ts';
import type { DocumentArchive, OpenDocument } from './document-archive.ts';

/** Where a configuration has a section `analysis_archive`: documents of its one bucket lie in a store of their own. */
export class DividedArchive implements DocumentArchive {
  readonly #ordinary: DocumentArchive;
  readonly #analyses: DocumentArchive;

  constructor(ordinary: DocumentArchive, analyses: DocumentArchive) {
    this.#ordinary = ordinary;
    this.#analyses = analyses;
  }

  put(key: DocumentKey, content: ContentSource, signal: AbortSignal): Promise<void> {
    return this.#of(key).put(key, content, signal);
  }

  open(key: DocumentKey, signal: AbortSignal): Promise<OpenDocument | undefined> {
    return this.#of(key).open(key, signal);
  }

  delete(key: DocumentKey, signal: AbortSignal): Promise<boolean> {
    return this.#of(key).delete(key, signal);
  }

  /** The rows of both are in one table. */
  list(which: OwnDocuments): Promise<readonly MetadataRow[]> {
    return this.#ordinary.list(which);
  }

  async recover(signal: AbortSignal): Promise<number> {
    return (await this.#ordinary.recover(signal)) + (await this.#analyses.recover(signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Both belong to whoever opened them.
  }

  #of({ bucket }: DocumentKey): DocumentArchive {
    return bucket === ANALYSIS_ARCHIVE_BUCKET ? this.#analyses : this.#ordinary;
  }
}
