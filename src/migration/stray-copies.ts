import { deleteObjects, findUncertain } from './deletion.ts';
import { guardDeletes } from './deletion-guard.ts';
import { forgetCopies, recordSettledDeletes, recordStrayDeletes } from './document-journal.ts';
import { listStrayCopies } from './document-store.ts';
import type { DocumentState } from './phases.ts';
import type { Run } from './run.ts';

/** Documents that are held in memory together. */
const PAGE = 5_000;

/**
 * Removes our copies of documents that are not to arrive: deleted by their owner, no longer in scope, failed for good.
 * What a row names by now belongs to the archive, and is only forgotten; what another record of the journal names, or what
 * holds other bytes than we wrote, stays known.
 */
export const removeStrayCopies = async (run: Run, states: readonly DocumentState[]): Promise<number> => {
  const { db, to, record, epoch, signal } = run;
  const fence = { id: record.id, epoch };
  let removed = 0;
  let afterSeq = 0;
  for (;;) {
    const strays = await listStrayCopies(db, record.id, states, afterSeq, Math.min(PAGE, run.settings.cleanWindow));
    const last = strays.at(-1);
    if (last === undefined) return removed;
    afterSeq = last.seq;
    const guard = await guardDeletes(run, 'destination');
    const items = strays.map((document) => ({
      seq: document.seq,
      ref: { key: document.key, url: document.destination?.url ?? '' },
      md5: document.destination?.digest ?? null,
      previous: document.previousDigest,
    }));
    await recordStrayDeletes(
      db,
      fence,
      items.map(({ seq }) => seq),
    );
    const first = await deleteObjects(db, to.driver, guard, items, signal);
    const again = first.flatMap((result) =>
      result.outcome === 'kept' && result.because === 'changed' && result.item.previous !== null
        ? [{ ...result.item, md5: result.item.previous }]
        : [],
    );
    const results = [...first, ...(await deleteObjects(db, to.driver, guard, again, signal))];
    const uncertain = findUncertain(strays, results);
    const forgotten = new Set<number>();
    for (const result of results) {
      const isArchives = result.outcome === 'kept' && result.because !== 'journal' && result.because !== 'changed';
      if (result.outcome !== 'kept' || isArchives) forgotten.add(result.item.seq);
      if (result.outcome === 'deleted') removed += 1;
    }
    await forgetCopies(db, fence, [...forgotten]);
    await recordSettledDeletes(
      db,
      fence,
      items.map(({ seq }) => seq).filter((seq) => !uncertain.has(seq)),
    );
    const failed = results.find((result) => result.outcome === 'failed');
    if (failed?.outcome === 'failed') throw failed.error;
  }
};
