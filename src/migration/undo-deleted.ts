import { deleteObjects } from './deletion.ts';
import { guardDeletes } from './deletion-guard.ts';
import { listDeletedSince } from './document-store.ts';
import { sourceRef } from './document-record.ts';
import { AppError } from '../core/errors.ts';
import { countOf } from './describe.ts';
import type { Run } from './run.ts';

/** Documents that are held in memory together. */
const PAGE = 5_000;

/**
 * After a rollback has switched: what the owner of a document deleted while the archive was elsewhere is deleted here as well,
 * since the migration that is undone had left it here. No row names it, and nothing else ever would.
 */
export const deleteWhatWasDeletedSince = async (run: Run, rolledBack: number): Promise<void> => {
  const { db, to, signal, log } = run;
  let removed = 0;
  let afterSeq = 0;
  for (;;) {
    const page = await listDeletedSince(db, rolledBack, afterSeq, PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    afterSeq = last.seq;
    const guard = await guardDeletes(run, 'destination');
    const items = page.map((document) => ({
      seq: document.seq,
      ref: sourceRef(document),
      md5: document.source.readDigest,
    }));
    for (const result of await deleteObjects(db, to.driver, guard, items, signal)) {
      if (result.outcome === 'failed')
        throw new AppError(result.error.code, `${result.item.ref.url}: ${result.error.message}`, {
          cause: result.error,
        });
      if (result.outcome === 'deleted') removed += 1;
    }
  }
  if (removed > 0) log.info(`Deleted ${countOf(removed, 'document')} whose owner has deleted it since`);
};
