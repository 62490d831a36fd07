import type { Queryable } from '../../database/database.ts';
import { describeDocument } from '../../migration/describe.ts';
import { pageExceptions } from '../../migration/status.ts';
import type { Database } from '../../database/database.ts';
import { listRuns, listSamples, type RunRecord, type Sample } from '../../migration/run-store.ts';

export const listReportedRuns = async (
  db: Queryable,
  id: number,
): Promise<{ readonly runs: readonly RunRecord[]; readonly samples: readonly Sample[] }> => ({
  runs: await listRuns(db, id),
  samples: await listSamples(db, id),
});

/** Bytes of the documents of a migration at its destination, as stored there. */
export const sumBytes = async (
  db: Queryable,
  id: number,
): Promise<{ readonly copiedBytes: number; readonly switchedBytes: number }> => {
  const { rows } = await db.query<{ copied: number; switched: number }>(
    `SELECT coalesce(sum(dst_size), 0)::float8 AS copied,
            coalesce(sum(dst_size) FILTER (WHERE state <> 'copied'
              OR (SELECT unmarked FROM archive_mover_migration WHERE id = $1)), 0)::float8 AS switched
       FROM archive_mover_document
      WHERE migration_id = $1 AND state IN ('copied', 'switched', 'cleaning', 'cleaned')`,
    [id],
  );
  return { copiedBytes: rows[0]?.copied ?? 0, switchedBytes: rows[0]?.switched ?? 0 };
};

export interface ExceptionExample {
  readonly document: string;
  readonly code: string;
  readonly text: string;
}

/** The first documents that did not arrive, at most `perCode` of each reason; `counts` says how many there are of each. */
export const listExamples = async (
  db: Database,
  id: number,
  state: 'failed' | 'skipped',
  counts: ReadonlyMap<string, number>,
  perCode: number,
): Promise<readonly ExceptionExample[]> => {
  const missing = new Map([...counts].map(([code, count]) => [code, Math.min(count, perCode)]));
  const found: ExceptionExample[] = [];
  if (missing.size === 0) return found;
  for await (const page of pageExceptions(db, id, state)) {
    for (const document of page) {
      const code = document.errorCode ?? 'unknown';
      const left = missing.get(code) ?? 0;
      if (left === 0) continue;
      missing.set(code, left - 1);
      found.push({ document: describeDocument(document), code, text: document.errorText ?? '' });
    }
    if ([...missing.values()].every((left) => left === 0)) break;
  }
  return found;
};
