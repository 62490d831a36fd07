import type { Store } from '../archive/store.ts';
import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import { countOf } from './describe.ts';
import { archivePredicate, inScopeSql, type Scope, scopeParameters } from './scope.ts';

/** Documents that a store certainly cannot hold. */
export interface Oversize {
  readonly documents: number;
  /** Of the largest one, as its row says. */
  readonly sizeBytes: number;
  readonly example: string;
}

/**
 * Documents in scope (undefined: all of the database) that are larger than one object of the destination may be; undefined
 * where there are none. Only what the rows say for sure counts: a payload that the destination would compress may become
 * smaller; a row without a size is met when it is copied.
 */
export const findOversize = async (
  db: Queryable,
  scope: Scope | undefined,
  to: Store,
): Promise<Oversize | undefined> => {
  const { compression, maxPayloadBytes } = to.driver.capabilities;
  const compresses = compression && to.codec.enabled;
  const parameters = scope === undefined ? [] : scopeParameters(scope);
  const isConcerned = scope === undefined ? 'm.content_url IS NOT NULL' : `${archivePredicate(1)} AND ${inScopeSql(3)}`;
  const next = parameters.length + 1;
  const { rows } = await db.query<{ documents: number; size_bytes: number; bucket: string; archive_id: string }>(
    `SELECT count(*) OVER ()::integer AS documents, m.size AS size_bytes, m.bucket, m."archiveId" AS archive_id
       FROM archive_metadata m
      WHERE ${isConcerned}
        AND m.size > $${next}::bigint AND (m.is_compressed IS TRUE OR NOT $${next + 1}::boolean)
      ORDER BY m.size DESC LIMIT 1`,
    [...parameters, maxPayloadBytes, compresses],
  );
  const [largest] = rows;
  return (
    largest && {
      documents: largest.documents,
      sizeBytes: largest.size_bytes,
      example: `${largest.bucket}/${largest.archive_id}`,
    }
  );
};

/** What to tell a person of them. */
export const describeOversize = ({ documents, sizeBytes, example }: Oversize, to: Store): string =>
  `${countOf(documents, 'document')} ${documents === 1 ? 'is' : 'are'} too large for ${to.identity.description}, which holds at most ` +
  `${to.driver.capabilities.maxPayloadBytes} bytes in one; the largest is ${example} with ${sizeBytes}`;

/** Throws `refused.too-large`, so that nobody copies for hours towards a migration that cannot be completed. */
export const refuseOversize = async (db: Queryable, scope: Scope, to: Store): Promise<void> => {
  const found = await findOversize(db, scope, to);
  if (found !== undefined) throw new AppError('refused.too-large', describeOversize(found, to));
};
