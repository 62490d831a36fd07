import type { Store } from '../archive/store.ts';
import type { Database } from '../database/database.ts';
import { inRolledBackTransaction } from '../database/rolled-back.ts';
import { forEachConcurrent } from './concurrency.ts';
import { settleAll } from './batch-lanes.ts';
import { copyChunk, openLanes } from './copy.ts';
import { BatchCopier } from './copy-batch.ts';
import { sourceRef } from './document-record.ts';
import { listDocuments } from './document-store.ts';
import { OPEN_GATE } from './gate.ts';
import { Health } from './health.ts';
import { ensureTables } from './journal.ts';
import { getMigration } from './migration-store.ts';
import { describeMigration } from './open-run.ts';
import {
  insertRehearsal,
  REHEARSAL_ID,
  type RehearsedFailure,
  summarizeRehearsal,
  touchRehearsal,
} from './rehearsal-store.ts';
import type { Environment, MigrateRequest } from './requests.ts';
import type { Run } from './run.ts';
import { planScope } from './scope.ts';
import { measureObject } from '../archive/payload.ts';

export interface RehearsalRequest extends MigrateRequest {
  /** Whether the destination holds nothing yet: then nothing is looked for before it is written. */
  readonly destinationIsEmpty: boolean;
  /** Documents that may be copied at most, and how long the measured part shall take about. */
  readonly maxDocuments: number;
  readonly seconds: number;
  /** Told when the copies are made, before the source is asked what cleaning asks. */
  readonly copied: () => void;
  /**
   * The stores, as they are to be used: the destination under names of its own. `database` is the transaction, for stores
   * in a database that has but one connection, or whose tables are not there yet.
   */
  readonly openStores: (database: Database) => Promise<{ readonly from: Store; readonly to: Store }>;
}

/** One part of what was copied, and how long it took. */
export interface MeasuredPart {
  readonly documents: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly seconds: number;
}

export interface Rehearsal {
  /** The first, which finds everything cold, is not among them, where there are others. */
  readonly parts: readonly MeasuredPart[];
  /** Of all documents that were tried. */
  readonly tried: number;
  readonly failures: readonly RehearsedFailure[];
  readonly skipped: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** What one statement takes for each journalled document, in seconds. */
  readonly insertSeconds: number;
  readonly updateSeconds: number;
  /** What the source takes for each document to say what it is, and to give it, as cleaning asks; in seconds. */
  readonly lookSeconds: number;
  readonly readSeconds: number;
}

const WARM_UP = 64;
const LEAST_BATCH = 64;
const LEAST_PARTS = 3;
const LOOKED_AT = 128;
/** Journalled at once: enough for the time of a statement to be more than that of its way. */
const JOURNALLED = 5_000;

/**
 * Does for some documents, chosen by chance, what the migration will do for all: the same code reads, checks, encodes,
 * writes and proves them, and journals each step, in a transaction that is rolled back. What it has written to the
 * destination is the caller's to remove.
 */
export const rehearse = async (env: Environment, request: RehearsalRequest): Promise<Rehearsal> =>
  inRolledBackTransaction(env.db, async (db, session) => {
    await db.query(
      `SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`,
    );
    await ensureTables(db);
    const { from, to } = await request.openStores(db);
    const scope = planScope(request.from.store.driver, request.from.archive, request.buckets);
    const migration = describeMigration(env, request, {}, request.destinationIsEmpty);
    const [journalled, insertSeconds] = await timed(() => insertRehearsal(db, migration, scope, JOURNALLED));
    const [, updateSeconds] = await timed(() => touchRehearsal(db));
    const run: Run = {
      db,
      session,
      from,
      to,
      record: await getMigration(db, REHEARSAL_ID),
      executor: env.executorId,
      epoch: 0,
      readBack: request.readBack,
      sharedNamespace: false,
      force: request.force,
      checkedAtMs: performance.now(),
      heartbeats: new Map(),
      online: false,
      settings: env.settings,
      faults: env.faults,
      log: env.log,
      signal: AbortSignal.any([env.signal, session.lost]),
      progress: () => undefined,
      gate: OPEN_GATE,
    };
    const available = Math.min(journalled, request.maxDocuments);
    const { tried, measured } = await copyInParts(run, available, request.seconds);
    request.copied();
    const all = await summarizeRehearsal(db, 0, tried);
    const perRow = (seconds: number): number => (journalled === 0 ? 0 : seconds / journalled);
    return {
      parts: measured,
      tried,
      failures: all.failures,
      skipped: all.skipped,
      readBytes: all.readBytes,
      writtenBytes: all.writtenBytes,
      insertSeconds: perRow(insertSeconds),
      updateSeconds: perRow(updateSeconds),
      ...(await measureSource(run, tried)),
    };
  });

const timed = async <T>(work: () => Promise<T>): Promise<readonly [value: T, seconds: number]> => {
  const started = performance.now();
  const value = await work();
  return [value, (performance.now() - started) / 1000];
};

/** Two at once, as chunks of a migration are: while one has only its last batches left the next has begun. */
const PARTS_AT_ONCE = 2;

/**
 * A first part to get warm and to learn the pace; then parts of as many batches as go on at once in a migration, of its
 * own size or less where the pace is slow, until the time is over.
 */
const copyInParts = async (
  run: Run,
  available: number,
  wantedSeconds: number,
): Promise<{ readonly tried: number; readonly measured: readonly MeasuredPart[] }> => {
  if (available === 0) return { tried: 0, measured: [] };
  const copier = new BatchCopier(run, new Health(run.settings.maxConsecutiveFaults));
  const { batchSize: usual, batchesInFlight } = run.settings;
  const first = Math.min(WARM_UP, available);
  const [, coldSeconds] = await timed(() => copyChunk(run, copier, { firstSeq: 1, lastSeq: first }));
  const inTime = Math.ceil((first / coldSeconds) * wantedSeconds);
  const batchSize = Math.max(LEAST_BATCH, Math.min(usual, Math.floor(inTime / LEAST_PARTS / batchesInFlight)));
  const sized: Run = { ...run, settings: { ...run.settings, batchSize } };
  const lanes = openLanes(sized);
  const started = performance.now();
  const ends: { readonly afterSeq: number; readonly lastSeq: number; readonly seconds: number }[] = [];
  const copyPart = async (afterSeq: number, lastSeq: number): Promise<void> => {
    await copyChunk(sized, copier, { firstSeq: afterSeq + 1, lastSeq }, lanes);
    ends.push({ afterSeq, lastSeq, seconds: (performance.now() - started) / 1000 });
  };
  let done = first;
  const underWay: Promise<void>[] = [];
  try {
    while (done < available && performance.now() - started < wantedSeconds * 1000) {
      const last = Math.min(available, done + batchSize * batchesInFlight);
      const copied = copyPart(done, last);
      copied.catch(() => undefined); // whoever waits below sees it
      underWay.push(copied);
      done = last;
      if (underWay.length === PARTS_AT_ONCE) await underWay.shift();
    }
  } finally {
    await settleAll(underWay);
  }
  const cold = { afterSeq: 0, lastSeq: first, seconds: coldSeconds };
  return { tried: done, measured: await describeParts(run.db, ends.length === 0 ? [cold] : ends) };
};

/** Each part took the time since the one that ended before it. */
const describeParts = async (
  db: Database,
  ends: readonly { readonly afterSeq: number; readonly lastSeq: number; readonly seconds: number }[],
): Promise<readonly MeasuredPart[]> => {
  const parts: MeasuredPart[] = [];
  for (const [index, { afterSeq, lastSeq, seconds }] of ends.entries()) {
    const { readBytes, writtenBytes } = await summarizeRehearsal(db, afterSeq, lastSeq);
    const took = seconds - (ends[index - 1]?.seconds ?? 0);
    parts.push({ documents: lastSeq - afterSeq, readBytes, writtenBytes, seconds: took });
  }
  return parts;
};

/** What cleaning asks of the source, but for the deletion itself: nothing is deleted for a trial. */
const measureSource = async (
  run: Run,
  tried: number,
): Promise<{ readonly lookSeconds: number; readonly readSeconds: number }> => {
  const { driver } = run.from;
  const range = { afterSeq: 0, lastSeq: tried, limit: LOOKED_AT };
  const documents = await listDocuments(run.db, run.record.id, ['copied'], range);
  if (documents.length === 0) return { lookSeconds: 0, readSeconds: 0 };
  const each = (work: (document: (typeof documents)[number]) => Promise<unknown>): Promise<void> =>
    forEachConcurrent(documents, driver.capabilities.concurrency, async (document) => void (await work(document)));
  const refs = documents.map(sourceRef);
  const [, look] = await timed(async () =>
    driver.bulk === undefined
      ? await each((document) => driver.head(sourceRef(document), run.signal))
      : await driver.bulk.head(refs.slice(0, driver.bulk.maxItems), run.signal),
  );
  const [, read] = await timed(() => each((document) => measureObject(driver, sourceRef(document), false, run.signal)));
  return { lookSeconds: look / documents.length, readSeconds: read / documents.length };
};
