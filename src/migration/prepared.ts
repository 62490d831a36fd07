import type { EncodedDocument } from '../archive/payload.ts';
import { AppError } from '../core/errors.ts';
import type { ObjectRef } from '../drivers/contract.ts';
import type { DocumentRecord } from './document-record.ts';

/** What will be written: read, checked and encoded; or, where the store copies within itself, what the row says. */
export type Outgoing = Omit<EncodedDocument, 'sha256'> & { readonly sha256: string | undefined };

/** A document that is about to be written. */
export interface Prepared {
  readonly document: DocumentRecord;
  readonly ref: ObjectRef;
  readonly encoded: Outgoing;
  /** The store is to copy the object itself. */
  readonly within: boolean;
  /** `create`: nothing stood there. `replace`: our own earlier copy does. `none`: the right bytes stand there already. */
  readonly write: 'create' | 'replace' | 'none';
  readonly owned: boolean;
  /** For `replace`: the digest of what stands there. */
  readonly found?: string;
  /** For `replace`: only if no row names it, which is asked for a batch at once. */
  readonly unlessNamed?: boolean;
}

/** Something of somebody else's stands at the destination. */
export const conflict = (ref: ObjectRef): AppError =>
  new AppError('document.conflict', `${ref.url}: another object already stands there`);
