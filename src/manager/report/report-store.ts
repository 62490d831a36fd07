import type { Queryable } from '../../database/database.ts';
import { describeDocument } from '../../migration/describe.ts';
import { pageExceptions } from '../../migration/status.ts';
import type { Database } from '../../database/database.ts';
import { hasRuns } from '../task-store.ts';
import { listRuns, listSamples, type RunRecord, type Sample } from '../../migration/run-store.ts';

export const listReportedRuns = async (
  db: Queryable,
  id: number,
): Promise<{ readonly runs: readonly RunRecord[]; readonly samples: readonly Sample[] }> =>
  (await hasRuns(db))
    ? { runs: await listRuns(db, id), samples: await listSamples(db, id) }
    : { runs: [], samples: [] };

/** Bytes of the documents of a migration at its destination, as stored there. */
export const sumBytes = async (
  db: Queryable,
  id: number,
): Promise<{ readonly copiedBytes: number; readonly switchedBytes: number }> => {
  const { rows } = await db.query<{ copied: number; switched: number }>(
    `SELECT coalesce(sum(dst_size), 0)::float8 AS copied,
            coalesce(sum(dst_size) FILTER (WHERE state <> 'copied'), 0)::float8 AS switched
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

/** The first documents that did not arrive, at most `perCode` of each reason and not looking through more than `pages` pages. */
export const listExamples = async (
  db: Database,
  id: number,
  state: 'failed' | 'skipped',
  limits: { readonly perCode: number; readonly pages: number },
): Promise<readonly ExceptionExample[]> => {
  const found: ExceptionExample[] = [];
  const perCode = new Map<string, number>();
  let pages = 0;
  for await (const page of pageExceptions(db, id, state)) {
    for (const document of page) {
      const code = document.errorCode ?? 'unknown';
      const count = (perCode.get(code) ?? 0) + 1;
      perCode.set(code, count);
      if (count <= limits.perCode) {
        found.push({ document: describeDocument(document), code, text: document.errorText ?? '' });
      }
    }
    pages += 1;
    if (pages >= limits.pages) break;
  }
  return found;
};
