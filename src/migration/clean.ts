import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import { releaseCanary } from './canary.ts';
import type { Chunk } from './claims.ts';
import { throwIfInterrupted } from './copy.ts';
import { deletedLine, deleteObjects } from './deletion.ts';
import { type FailureRecord, forgetCopies, moveDocuments, recordDeleteProblems } from './document-journal.ts';
import { type DocumentRecord, sourceRef } from './document-record.ts';
import { listDocuments, listStrayCopies } from './document-store.ts';
import { enterPhase, holdFence } from './migration-store.ts';
import type { DocumentState } from './phases.ts';
import { refuseWhileServicesRun } from './quiescence.ts';
import type { Run } from './run.ts';

export interface CleanOutcome {
  readonly deleted: number;
  /** Journalled, reported, and tried again by the next `clean`. */
  readonly problems: readonly FailureRecord[];
}

const TRIES = 3;

/**
 * Deletes from the source what has been switched, as rule R1 allows; finishes an earlier, interrupted cleaning. `part`
 * limits it to a chunk (`--move`). That cleaning has begun is committed before the first delete: from then on there is no
 * rollback (rule R13).
 */
export const cleanSource = async (run: Run, part?: Chunk): Promise<CleanOutcome> => {
  const { db, faults, record, epoch, settings } = run;
  const fence = { id: record.id, epoch };
  await waitForStandbys(run);
  if (part === undefined) {
    await db.transaction(async (tx) => {
      await holdFence(tx, fence);
      await enterPhase(tx, fence, 'cleaning');
    });
  }
  await faults.reach('clean.after-phase');
  await db.sync();
  await releaseCanary(run);

  let deleted = 0;
  let problems: FailureRecord[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    problems = [];
    let afterSeq = (part?.firstSeq ?? 1) - 1;
    for (;;) {
      throwIfInterrupted(run.signal);
      const range = { afterSeq, limit: settings.cleanWindow, ...(part && { lastSeq: part.lastSeq }) };
      const window = await listDocuments(db, record.id, ['switched', 'cleaning'], range);
      const last = window.at(-1);
      if (last === undefined) break;
      afterSeq = last.seq;
      deleted += await cleanWindow(run, window, problems);
    }
    if (problems.length === 0) break;
  }
  return { deleted, problems };
};

const cleanWindow = async (run: Run, window: readonly DocumentRecord[], problems: FailureRecord[]): Promise<number> => {
  const { db, faults, from, record, epoch, signal, log } = run;
  const fence = { id: record.id, epoch };
  if (!run.force) await refuseWhileServicesRun(db);
  const seqs = window.map((document) => document.seq);
  await moveDocuments(db, fence, seqs, ['switched', 'cleaning'], 'cleaning');
  await faults.reach('clean.after-intent');
  const ours = window.filter((document) => !document.foreignSource);
  const results = await deleteObjects(
    db,
    from.driver,
    { migrationId: record.id, rowsNameOtherStore: record.identicalUrls },
    ours.map((document) => ({ seq: document.seq, ref: sourceRef(document), md5: document.source.readDigest })),
    signal,
  );
  await faults.reach('clean.after-delete');
  const gone = window.filter((document) => document.foreignSource).map((document) => document.seq);
  const found: FailureRecord[] = [];
  for (const result of results) {
    if ('error' in result) found.push({ seq: result.item.seq, code: result.error.code, text: result.error.message });
    else gone.push(result.item.seq);
    if (result.outcome === 'deleted') log.info(deletedLine(result.item.ref));
  }
  await moveDocuments(db, fence, gone, ['cleaning'], 'cleaned');
  await recordDeleteProblems(db, fence, found);
  await faults.reach('clean.after-record');
  run.progress({ type: 'cleaned', documents: gone.length });
  // Something has brought a row back to the source since the switch: nothing more is deleted until a person has looked.
  for (const result of results) if (result.outcome === 'kept' && result.because === 'row') throw result.error;
  problems.push(...found);
  return gone.length;
};

/** Waits until no standby could forget the switch (rule R4). Throws `refused.replication-behind` after a while. */
const waitForStandbys = async (run: Run): Promise<void> => {
  const { db, settings, signal } = run;
  if (db.kind === 'embedded') return;
  const deadline = Date.now() + settings.standbyTimeoutMs;
  const behind = async (): Promise<readonly string[]> => {
    const { rows } = await db.query<{ name: string }>(
      `SELECT coalesce(nullif(application_name, ''), 'pid ' || pid) AS name FROM pg_stat_replication
        WHERE state = 'streaming' AND flush_lsn < pg_current_wal_lsn()`,
    );
    return rows.map((row) => row.name);
  };
  for (;;) {
    const names = await behind();
    if (names.length === 0) return;
    if (Date.now() > deadline) {
      throw new AppError('refused.replication-behind', `standby ${names.join(', ')} has not confirmed the switch`);
    }
    await sleep(500, undefined, { signal });
  }
};

/**
 * Removes our copies of documents that are not to arrive: deleted by their owner, no longer in scope, failed for good.
 * What something else names by now is only forgotten.
 */
export const removeStrayCopies = async (run: Run, states: readonly DocumentState[]): Promise<number> => {
  const { db, to, record, epoch, signal } = run;
  const fence = { id: record.id, epoch };
  const guard = { migrationId: record.id, rowsNameOtherStore: false };
  let removed = 0;
  for (;;) {
    const strays = await listStrayCopies(db, record.id, states, run.settings.cleanWindow);
    if (strays.length === 0) return removed;
    const items = strays.map((document) => ({
      seq: document.seq,
      ref: { key: document.key, url: document.destination?.url ?? '' },
      md5: document.destination?.digest ?? null,
      previous: document.previousDigest,
    }));
    const first = await deleteObjects(db, to.driver, guard, items, signal);
    const again = first.flatMap(({ item, outcome }) =>
      outcome === 'kept' && item.previous !== null ? [{ ...item, md5: item.previous }] : [],
    );
    const second = await deleteObjects(db, to.driver, guard, again, signal);
    const failure = [...first, ...second].find((result) => result.outcome === 'failed');
    if (failure?.outcome === 'failed') throw failure.error;
    await forgetCopies(
      db,
      fence,
      strays.map((document) => document.seq),
    );
    removed += [...first, ...second].filter((result) => result.outcome === 'deleted').length;
  }
};
