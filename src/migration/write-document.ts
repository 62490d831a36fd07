import { AppError, isAppError } from '../core/errors.ts';
import type { BulkResult, PutReceipt } from '../drivers/contract.ts';
import { type CopyRecord, recordLeftover } from './document-journal.ts';
import { sourceRef } from './document-record.ts';
import { encodeDocument, measureDestination } from './prepare-document.ts';
import { conflict, type Prepared } from './prepared.ts';
import { proveObject, readBack, receiptProves, unproven } from './proof.ts';
import { canLandLate, createsOnly } from './late-requests.ts';
import { fenceOf, type Run } from './run.ts';
import { slices } from './slices.ts';

/** Writes what is in memory in few requests, where the store can; the rest is written by `writeDocument`. */
export const writeInBulk = async (
  run: Run,
  prepared: readonly Prepared[],
): Promise<ReadonlyMap<Prepared, BulkResult<PutReceipt>>> => {
  const { bulk } = run.to.driver;
  const receipts = new Map<Prepared, BulkResult<PutReceipt>>();
  if (bulk === undefined) return receipts;
  for (const mode of ['create', 'replace'] as const) {
    const items = prepared.flatMap((item) => {
      const { payload } = item.encoded;
      const { bytes } = payload;
      const fits = bytes !== undefined && bytes.length <= bulk.maxBytes;
      return item.write === mode && fits ? [{ item, key: item.document.key, payload: { ...payload, bytes } }] : [];
    });
    for (const slice of slices(items, bulk.maxItems, bulk.maxBytes, ({ payload }) => payload.sizeBytes)) {
      const answers = await bulk.put(slice, { mode, signal: run.signal });
      slice.forEach(({ item }, index) => {
        const answer = answers[index];
        if (answer !== undefined) receipts.set(item, answer);
      });
    }
  }
  return receipts;
};

/** Writes a document (or takes its answer from the bulk), and has the destination prove it. Throws `document.unproven`, `document.conflict`. */
export const writeDocument = async (
  run: Run,
  item: Prepared,
  bulk: BulkResult<PutReceipt> | undefined,
): Promise<CopyRecord> => {
  const { to, signal, readBack: forced } = run;
  const { document, ref, encoded } = item;
  const expected = { md5: encoded.payload.md5, sizeBytes: encoded.payload.sizeBytes };
  const { seq } = document;
  if (item.write === 'none') return { seq, owned: item.owned, ...latenessOf(run, item) };
  let receipt: PutReceipt;
  let triesBefore = 0;
  try {
    if (bulk !== undefined && !bulk.ok) throw bulk.error;
    const copied = bulk?.value ?? (await copyWithin(run, item));
    if (copied === undefined && item.within) triesBefore = 1; // what the store would not do in time, it may do later
    receipt = copied ?? (await putDocument(run, item, item.write));
  } catch (error) {
    if (!isAppError(error, 'store.exists')) throw error;
    // Somebody was faster, or an acknowledgement of ours was lost: only its bytes can tell.
    if ((await readBack(to.driver, ref, expected, signal)) !== 'proved') throw conflict(ref);
    const isOurs = error.outcomeUnknown || (item.within && item.owned);
    return { seq, owned: isOurs, ...latenessOf(run, item, error.outcomeUnknown ? 2 : 1 + triesBefore) };
  }
  if (forced || !receiptProves(receipt, expected)) {
    const finding = await proveObject(to.driver, ref, expected, forced, signal);
    if (finding !== 'proved') {
      const left = await measureDestination(run, ref);
      if (left !== undefined) await recordLeftover(run.db, fenceOf(run), seq, left.md5);
      throw unproven(ref, finding);
    }
  }
  return { seq, owned: item.owned, ...latenessOf(run, item, (receipt.attempts ?? 1) + triesBefore) };
};

const putDocument = async (run: Run, item: Prepared, mode: 'create' | 'replace'): Promise<PutReceipt> => {
  const { to, signal } = run;
  // A copy that the store would not make has not been checked: reading it does, and says what is wrong with it.
  const encoded = item.within ? await encodeDocument(run, item.document, undefined) : item.encoded;
  return to.driver.put(item.document.key, encoded.payload, { mode, signal });
};

/** undefined where the store cannot or will not: then the bytes go through here. */
const copyWithin = async (run: Run, { within, document, encoded }: Prepared): Promise<PutReceipt | undefined> => {
  const { to, signal } = run;
  if (!within) return undefined;
  try {
    return await to.driver.copyWithin?.(sourceRef(document), document.key, encoded.payload, signal);
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith('store.') && !signal.aborted) return undefined;
    throw error;
  }
};

/** Whether an earlier write of this key has an unknown outcome, and could still replace this one (rule R9). */
const latenessOf = (run: Run, item: Prepared, tries = 1): Pick<CopyRecord, 'unsettled' | 'proveAgain'> => {
  const unsettled = item.document.unsettled || tries > 1;
  // A write that only creates spares what stands there; one that was to replace does not, whatever this one had to do.
  const onlyCreates = item.write !== 'replace' && item.document.previousDigest === null && createsOnly(run);
  const mayChange = (unsettled && !onlyCreates) || item.document.deleteUnsettled;
  return { unsettled, proveAgain: mayChange && canLandLate(run) };
};
