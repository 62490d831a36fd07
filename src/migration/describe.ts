import type { DocumentRecord } from './document-record.ts';

/** A document for a person: `admin/policy_bundles/2c53a13c`. */
export const describeDocument = ({ key }: Pick<DocumentRecord, 'key'>): string =>
  `${key.userId}/${key.bucket}/${key.archiveId}`;

/** `1 document`, `7 documents`. */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
