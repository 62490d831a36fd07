import type { Row } from '../row.ts';
import { concurrency } from './concurrency.ts';
import { databaseToLocalfs } from './database-to-localfs.ts';
import { databaseToS3 } from './database-to-s3.ts';
import { databaseToSwift } from './database-to-swift.ts';
import { GROWTH } from './growth.ts';
import { oneHugeDocument, sixteenMegabytes } from './large-documents.ts';
import { memory } from './memory.ts';
import { planEstimate } from './plan-estimate.ts';
import { profile } from './profile.ts';
import { service } from './service.ts';
import { startup } from './startup.ts';
import { withinDatabase } from './within-database.ts';
import { withinS3 } from './within-s3.ts';

/** Every row, in the order in which they run and stand on the page. */
export const ROWS: readonly Row[] = [
  ...databaseToS3,
  ...concurrency,
  databaseToSwift,
  databaseToLocalfs,
  ...withinDatabase,
  ...withinS3,
  sixteenMegabytes,
  ...memory,
  oneHugeDocument,
  ...GROWTH,
  planEstimate,
  ...service,
  startup,
  profile,
];

/** Those that are named, or whose name begins with one of these and a dash; all that the page has where none is named. Throws where one names no row. */
export const chooseRows = (only: readonly string[]): readonly Row[] => {
  if (only.length === 0) return ROWS.filter((row) => row.onRequest !== true);
  const matches = (row: Row, name: string): boolean => row.name === name || row.name.startsWith(`${name}-`);
  for (const name of only) {
    if (!ROWS.some((row) => matches(row, name)))
      throw new Error(`${name}: expected one of ${ROWS.map((row) => row.name).join(', ')}`);
  }
  return ROWS.filter((row) => only.some((name) => matches(row, name)));
};
