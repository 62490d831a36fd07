import { findMetadata } from '../archive/metadata-store.ts';
import { measureObject, payloadOf } from '../archive/payload.ts';
import { readAll } from '../archive/codec.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { DocumentKey } from '../drivers/contract.ts';
import { deletedLine, deleteObjects, findUncertain } from './deletion.ts';
import { guardDeletes } from './deletion-guard.ts';
import { moveDocuments, recordDeleteIntents, recordSettledDeletes } from './document-journal.ts';
import { destinationRef, type DocumentRecord, sourceRef } from './document-record.ts';
import { getDocument, listCanaryCandidates } from './document-store.ts';
import { type Fence, lockLost } from './migration-store.ts';
import { type Finding, readBack } from './proof.ts';
import type { Run } from './run.ts';

/**
 * The first delete of a cleaning (rule R2): one small document, whose payload is held in the journal while it is deleted
 * from the source and read again from the destination. Should both stores turn out to be one, it is put back and nothing
 * else is deleted. A kill in between is settled by the next run.
 */
export const releaseCanary = async (run: Run): Promise<void> => {
  const { db, from, record, epoch, signal } = run;
  const fence = { id: record.id, epoch };
  const held = await findHeld(db, fence);
  if (held === 'done') return;
  if (held !== undefined) {
    const document = await getDocument(db, record.id, held.seq);
    if ((await from.driver.head(sourceRef(document), signal)) === undefined) {
      await settle(run, held);
      return;
    }
    await forget(db, fence, null); // a kill came before its delete: nothing has been shown yet
  }
  for (const document of await listCanaryCandidates(db, record.id)) {
    if (from.driver.locate(document.key) !== document.source.url) continue; // it could not be put back where it was
    if (await tryCanary(run, document)) return;
  }
  // None of a few can be the first: the marker must suffice.
};

/** false: this one is to be left where it is, or is gone. */
const tryCanary = async (run: Run, document: DocumentRecord): Promise<boolean> => {
  const { db, faults, from, record, epoch, signal } = run;
  const fence = { id: record.id, epoch };
  await proveDestination(run, document, 'before anything is deleted');
  const object = await from.driver.get(sourceRef(document), signal).catch((error: unknown) => {
    if (isAppError(error, 'store.not-found')) return undefined;
    throw error;
  });
  const bytes = object && (await readAll(object.chunks, CANARY_BYTES));
  if (bytes === undefined) return false;
  const { count } = await db.query(
    `UPDATE archive_mover_migration SET canary = $3, canary_payload = $4 WHERE id = $1 AND epoch = $2`,
    [fence.id, fence.epoch, JSON.stringify({ seq: document.seq }), bytes],
  );
  if (count !== 1) throw lockLost(fence);
  await recordDeleteIntents(db, fence, [document.seq]);
  await db.sync();
  const item = { seq: document.seq, ref: sourceRef(document), md5: document.source.readDigest };
  const guard = await guardDeletes(run, 'source');
  const [result] = await deleteObjects(db, from.driver, guard, [item], signal);
  if (result !== undefined && findUncertain([document], [result]).size === 0)
    await recordSettledDeletes(db, fence, [document.seq]);
  if (result?.outcome === 'failed' || result?.outcome === 'kept') {
    await forget(db, fence, null);
    if (result.outcome === 'failed' || result.because === 'row') throw result.error;
    return false;
  }
  if (result?.outcome === 'deleted') run.log.info(deletedLine(item.ref));
  await faults.reach('clean.after-canary-delete');
  await settle(run, { seq: document.seq, payload: bytes });
  return true;
};

/** The largest payload that is held; in bytes. */
const CANARY_BYTES = 1024 * 1024;

interface Held {
  readonly seq: number;
  readonly payload: Uint8Array;
}

const findHeld = async (db: Run['db'], fence: Fence): Promise<Held | 'done' | undefined> => {
  const { rows } = await db.query<{
    canary: { seq?: number; done?: boolean } | null;
    canary_payload: Uint8Array | null;
  }>('SELECT canary, canary_payload FROM archive_mover_migration WHERE id = $1', [fence.id]);
  const row = rows[0];
  if (row?.canary?.done === true) return 'done';
  if (row?.canary?.seq === undefined || row.canary_payload === null) return undefined;
  return { seq: row.canary.seq, payload: row.canary_payload };
};

const forget = async (db: Run['db'], fence: Fence, canary: string | null): Promise<void> => {
  const { count } = await db.query(
    'UPDATE archive_mover_migration SET canary = $3, canary_payload = NULL WHERE id = $1 AND epoch = $2',
    [fence.id, fence.epoch, canary],
  );
  if (count !== 1) throw lockLost(fence);
};

/** Throws `document.unproven` where the destination does not hold what the switch said. */
const proveDestination = async (run: Run, document: DocumentRecord, when: string): Promise<void> => {
  const finding = await readDestination(run, document);
  if (finding === 'proved') return;
  throw new AppError('document.unproven', `${document.destination?.url}: not there ${when}: ${finding}`);
};

const readDestination = async (run: Run, document: DocumentRecord): Promise<Finding> => {
  const digest = document.destination?.digest;
  const sizeBytes = document.destination?.sizeBytes;
  if (digest == null || sizeBytes == null)
    throw new AppError('internal', `document ${document.seq} has no destination`);
  return readBack(run.to.driver, destinationRef(document), { md5: digest, sizeBytes }, run.signal);
};

/** Reads the destination again; puts the canary back where it is gone there. */
const settle = async (run: Run, held: Held): Promise<void> => {
  const { db, record, epoch } = run;
  const fence = { id: record.id, epoch };
  const document = await getDocument(db, record.id, held.seq);
  if (!(await isStillSwitched(run, document))) {
    await forget(db, fence, null); // its owner has replaced or deleted it: it shows nothing any more
    return;
  }
  if ((await readDestination(run, document)) === 'proved') {
    await forget(db, fence, JSON.stringify({ done: true }));
    return;
  }
  await putBack(run, document.key, held.payload);
  await moveDocuments(db, fence, [held.seq], ['cleaning'], 'switched');
  await forget(db, fence, null);
  throw new AppError(
    'refused.same-store',
    `deleting ${document.source.url} from the source removed it from the destination too: both are the same store; ` +
      'the document was put back and nothing else was deleted',
    { remedy: 'Keep the source: run the migration with --nodelete.' },
  );
};

/** Whether the document's row still is what the switch made of it. */
const isStillSwitched = async (run: Run, document: DocumentRecord): Promise<boolean> => {
  const row = await findMetadata(run.db, document.key);
  return row?.contentUrl === document.destination?.url && row?.digest === document.destination?.digest;
};

const putBack = async (run: Run, key: DocumentKey, bytes: Uint8Array): Promise<void> => {
  const payload = payloadOf(bytes);
  const { driver } = run.from;
  try {
    await driver.put(key, payload, { mode: 'create', signal: run.signal });
  } catch (error) {
    if (!isAppError(error, 'store.exists')) throw error;
  }
  const seen = await measureObject(driver, { key, url: driver.locate(key) }, false, run.signal);
  if (seen.md5 !== payload.md5)
    throw new AppError('internal', `the canary could not be put back at ${driver.locate(key)}`);
};
