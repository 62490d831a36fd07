import { AppError } from '../../core/errors.ts';
import type { SwiftClient } from './client.ts';
import { isAbsent } from './failure.ts';

/** So long the word of the cluster counts that a container exists, in milliseconds. */
const KNOWN_FOR_MS = 5_000;

const missing = (container: string): AppError =>
  new AppError('store.container-missing', `the container "${container}" does not exist`);

/**
 * Whether containers exist. A 404 for an object means the same whether its container is there or not; only in a container
 * that exists is an object absent.
 */
export class Containers {
  readonly #client: SwiftClient;
  /** When each was last seen, on the monotonic clock. */
  readonly #seen = new Map<string, number>();

  constructor(client: SwiftClient) {
    this.#client = client;
  }

  /** Throws `store.container-missing` where it does not exist. */
  async require(container: string, signal: AbortSignal | undefined): Promise<void> {
    const seen = this.#seen.get(container);
    if (seen !== undefined && performance.now() - seen < KNOWN_FOR_MS) return;
    if (!(await this.#exists(container, signal))) throw missing(container);
  }

  /** Creates it where it is missing and that is wanted. */
  async ensure(container: string, create: boolean, signal: AbortSignal | undefined): Promise<void> {
    if (await this.#exists(container, signal)) return;
    if (!create) throw missing(container);
    await this.#client.sendText({ method: 'PUT', container, signal });
    this.#seen.set(container, performance.now());
  }

  async #exists(container: string, signal: AbortSignal | undefined): Promise<boolean> {
    const request = { method: 'HEAD', container, signal } as const;
    const answer = await this.#client.exchangeText(request);
    if (!answer.ok) {
      this.#seen.delete(container);
      if (isAbsent(answer.failure)) return false;
      throw this.#client.errorOf(answer.failure, request);
    }
    this.#seen.set(container, performance.now());
    return true;
  }
}
