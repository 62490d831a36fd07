import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './place.ts';

const BUCKET = 'written_meanwhile';
const KEYS = 40;
const PAUSE_MS = 20;

type Version = string | undefined;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Somebody who goes on using the service, over plain HTTP, and remembers what was acknowledged. */
export class BackgroundWriter {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** By key, what may be there: one version; several where an answer was lost; undefined: nothing. */
  readonly #known = new Map<string, readonly Version[]>();
  readonly #done: Promise<void>;
  #stopping = false;
  #acknowledged = 0;
  #refused = 0;

  constructor(place: Place) {
    this.#url = `http://127.0.0.1:${place.ports.api}/v1/objects/raw/${BUCKET}`;
    const credentials = Buffer.from(`admin:${place.password}`).toString('base64');
    this.#headers = { authorization: `Basic ${credentials}`, connection: 'close' };
    this.#done = this.#write();
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get refused(): number {
    return this.#refused;
  }

  async #write(): Promise<void> {
    for (let turn = 0; !this.#stopping; turn++) {
      const key = `key-${turn % KEYS}`;
      const before = this.#known.get(key) ?? [undefined];
      // Every seventh is deleted, the others are written, many of them over what was there.
      const content = turn % 7 === 6 ? undefined : randomBytes(500 + (turn % 50) * 100);
      const after: Version = content === undefined ? undefined : sha256(content);
      this.#known.set(key, [...new Set([...before, after])]);
      try {
        const answer = await fetch(`${this.#url}/${key}`, {
          method: content === undefined ? 'DELETE' : 'POST',
          headers: this.#headers,
          ...(content !== undefined && { body: content }),
        });
        await answer.arrayBuffer();
        const isDone = answer.ok || (content === undefined && answer.status === 404);
        if (isDone) {
          this.#known.set(key, [after]);
          this.#acknowledged += 1;
        } else this.#refused += 1;
      } catch {
        // The service is not there, or went while it answered: the outcome is unknown.
        this.#refused += 1;
      }
      await sleep(PAUSE_MS);
    }
  }

  /** Stops; throws where a key holds anything but what was acknowledged last. Gives how many it has looked at. */
  async finish(): Promise<number> {
    this.#stopping = true;
    await this.#done;
    const wrong: string[] = [];
    for (const [key, versions] of this.#known) {
      const answer = await fetch(`${this.#url}/${key}`, { headers: this.#headers });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (!answer.ok && answer.status !== 404) throw new Error(`${key}: HTTP ${answer.status}`);
      const found: Version = answer.ok ? sha256(bytes) : undefined;
      if (!versions.includes(found)) wrong.push(key);
    }
    if (wrong.length > 0) throw new Error(`writes were lost: ${wrong.join(', ')}`);
    return this.#known.size;
  }
}
