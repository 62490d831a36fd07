import { pathOf } from '../http/service.ts';
import type { DocumentName } from './run-many.ts';

/** Where the service has a document: its bytes, or the JSON document that they are. */
export const documentPath = ({ bucket, archiveId }: DocumentName, raw: boolean): string =>
  `/objects${raw ? '/raw' : ''}${pathOf(bucket, archiveId)}`;
