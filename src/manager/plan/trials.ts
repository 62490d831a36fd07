import { measureObject, payloadOf } from '../../archive/payload.ts';
import { AppError, type AppError as Failure, toAppError } from '../../core/errors.ts';
import type { Driver } from '../../drivers/contract.ts';
import { SINGLE_PROBE } from '../../drivers/wrappers/under-probe-names.ts';
import { type Trial, tryOut } from '../trials.ts';

/** One thing that was tried on one of the stores. */
export interface SideTrial extends Trial {
  readonly side: 'source' | 'destination';
}

/** What a store holds, as far as a listing of bounded length shows. */
export interface Holdings {
  readonly objects: number;
  readonly bytes: number;
  /** false: there is more. */
  readonly complete: boolean;
}

/** Listing ends at whichever comes first; more would say little more. */
const LISTED_OBJECTS = 20_000;
const LISTED_MS = 3_000;

/** Lists what a store holds, up to a bound. */
const listHoldings = async (driver: Driver, signal: AbortSignal): Promise<Holdings> => {
  const started = performance.now();
  let [objects, bytes] = [0, 0];
  for await (const object of driver.list(signal)) {
    objects += 1;
    bytes += object.sizeBytes;
    if (objects >= LISTED_OBJECTS || performance.now() - started > LISTED_MS)
      return { objects, bytes, complete: false };
  }
  return { objects, bytes, complete: true };
};

/** Does things to a store one after the other, notes how each went, and goes on after a failure. */
export class Trials {
  readonly done: SideTrial[] = [];
  readonly #side: SideTrial['side'];
  readonly #signal: AbortSignal;
  readonly #failed: (error: Failure) => void;

  constructor(side: SideTrial['side'], signal: AbortSignal, failed: (error: Failure) => void) {
    this.#side = side;
    this.#signal = signal;
    this.#failed = failed;
  }

  async attempt<T>(operation: Trial['operation'], work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await tryOut(operation, (trial) => void this.done.push({ side: this.#side, ...trial }), work);
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = toAppError(thrown);
      if (error.code === 'internal') throw error;
      this.#failed(error);
      return undefined;
    }
  }
}

/** Writes, reads, compares, lists and deletes at a destination, under a name of our own. Gives what it holds, where that can be seen. */
export const tryDestination = async (
  driver: Driver,
  trials: Trials,
  signal: AbortSignal,
): Promise<Holdings | undefined> => {
  const ref = { key: SINGLE_PROBE, url: driver.locate(SINGLE_PROBE) };
  const payload = payloadOf(Buffer.from(JSON.stringify({ document: 'a trial of anchore-manager' })));
  const holdings = await trials.attempt('list', () => listHoldings(driver, signal));
  const written = await trials.attempt('write', () => driver.put(ref.key, payload, { mode: 'replace', signal }));
  if (written !== undefined) {
    const seen = await trials.attempt('read', () => measureObject(driver, ref, false, signal));
    if (seen !== undefined) await trials.attempt('compare', async () => throwIfOther(seen.md5, payload.md5, ref.url));
  }
  await trials.attempt('delete', () => deleteOne(driver, ref));
  return holdings;
};

const throwIfOther = (seen: string, written: string, url: string): void => {
  if (seen !== written) throw new AppError('check.failed', `${url}: what comes back is not what was written`);
};

const deleteOne = async (driver: Driver, ref: { key: typeof SINGLE_PROBE; url: string }): Promise<void> => {
  const [answer] = await driver.delete([{ ref, md5: undefined }]);
  if (answer?.outcome === 'failed') throw answer.error;
};

/** Lists at a source, and where it will be cleaned deletes a document of our own, which is not there. */
export const trySource = async (
  driver: Driver,
  trials: Trials,
  options: { readonly deletes: boolean; readonly signal: AbortSignal },
): Promise<void> => {
  await trials.attempt('list', async () => {
    for await (const _ of driver.list(options.signal)) return;
  });
  if (!options.deletes) return;
  await trials.attempt('delete', () => deleteOne(driver, { key: SINGLE_PROBE, url: driver.locate(SINGLE_PROBE) }));
};
