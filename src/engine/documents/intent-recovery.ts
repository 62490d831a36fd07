import { measureObject } from '../../archive/payload.ts';
import { findMetadata, findReferencedUrls } from '../../archive/metadata-store.ts';
import { isAppError, messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Database } from '../../database/database.ts';
import type { Driver } from '../../drivers/contract.ts';
import type { ArchiveScope } from '../../migration/scope.ts';
import {
  abandonIntent,
  adoptIntent,
  completeWrite,
  endIntent,
  findAbandonedIntents,
  type Intent,
  revertWrite,
} from './intent-store.ts';
import type { OwnerLock } from './owner.ts';

/** How many intents are looked at in one round. */
const ROUND = 200;

/** Finds out what became of what a service had begun when it ended, by the bytes that are there. */
export class IntentRecovery {
  readonly #db: Database;
  readonly #driver: Driver;
  readonly #owners: OwnerLock;
  readonly #log: Log;
  readonly #quietMs: number;
  readonly #scope: ArchiveScope;
  /** When each was first seen to be nobody's, by token; monotonic milliseconds. */
  #seen = new Map<string, number>();
  /** Tokens of the intents on which this service works now. */
  readonly #inFlight = new Set<string>();
  #running: Promise<number> | undefined;

  constructor(
    db: Database,
    driver: Driver,
    owners: OwnerLock,
    options: { readonly log: Log; readonly quietMs: number; readonly scope: ArchiveScope },
  ) {
    this.#db = db;
    this.#driver = driver;
    this.#owners = owners;
    this.#log = options.log;
    this.#quietMs = options.quietMs;
    this.#scope = options.scope;
  }

  /** Keeps this service's own intent from being taken for an abandoned one. */
  hold(token: string): Disposable {
    this.#inFlight.add(token);
    return { [Symbol.dispose]: () => void this.#inFlight.delete(token) };
  }

  /** The quiet period of an intent that this service itself has given up begins now. */
  expect(intent: Intent): void {
    this.#seen.set(intent.token, performance.now());
  }

  /** Ends each abandoned intent whose quiet period is over; resolves with how many still wait. One round at a time. */
  run(signal: AbortSignal): Promise<number> {
    this.#running ??= this.#round(signal).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #round(signal: AbortSignal): Promise<number> {
    const owner = await this.#owners.get();
    const own = { id: owner.id, inFlight: [...this.#inFlight] };
    const found = await findAbandonedIntents(this.#db, own, this.#scope, ROUND);
    const now = performance.now();
    this.#seen = new Map(found.map(({ token }) => [token, this.#seen.get(token) ?? now]));
    let waiting = 0;
    for (const intent of found) {
      signal.throwIfAborted();
      if (now - (this.#seen.get(intent.token) ?? now) < this.#quietMs) {
        waiting += 1;
        continue;
      }
      const ours = await adoptIntent(this.#db, intent, owner.id);
      if (ours === undefined) continue;
      try {
        await this.#end(ours, signal);
      } catch (error) {
        waiting += 1;
        this.#log.warn(`what became of ${intent.url} cannot be found out yet: ${messageOf(error)}`);
        await abandonIntent(this.#db, ours);
      }
    }
    return waiting;
  }

  async #end(intent: Intent, signal: AbortSignal): Promise<void> {
    if (intent.kind === 'delete') {
      await this.deleteBytes(intent, signal);
      await endIntent(this.#db, intent);
      return;
    }
    if (!this.#driver.recognises(intent.url)) {
      // A migration has moved the document since, whichever content it then had.
      await endIntent(this.#db, intent);
      return;
    }
    const found = await this.#findDigest(intent, signal);
    const row = await findMetadata(this.#db, intent.key);
    const rowIsAsLeft =
      intent.kind === 'create' ? row === undefined : row?.contentUrl === intent.url && row.digest === null;
    if (intent.kind !== 'move' && rowIsAsLeft && found === intent.newDigest) {
      await completeWrite(this.#db, intent);
      this.#log.info(`finished the interrupted write of ${intent.url}`);
      return;
    }
    if (intent.kind === 'replace' && found !== intent.oldDigest && intent.oldDigest !== null)
      this.#log.error(`${intent.url} holds neither the old nor the new content`);
    await revertWrite(this.#db, intent);
    this.#log.info(`the interrupted write of ${intent.url} had not happened`);
  }

  async #findDigest(intent: Intent, signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await measureObject(this.#driver, { key: intent.key, url: intent.url }, false, signal)).md5;
    } catch (error) {
      if (isAppError(error, 'store.not-found')) return undefined;
      throw error;
    }
  }

  /** Deletes what a deleted row named, unless another row names it too. */
  async deleteBytes(intent: Intent, signal: AbortSignal): Promise<void> {
    if (intent.url === '' || !this.#driver.recognises(intent.url)) return;
    if ((await findReferencedUrls(this.#db, [intent.url])).has(intent.url)) return;
    const item = { ref: { key: intent.key, url: intent.url }, md5: intent.oldDigest ?? undefined };
    const [result] = await this.#driver.delete([item], signal);
    if (result?.outcome === 'failed') throw result.error;
  }
}
