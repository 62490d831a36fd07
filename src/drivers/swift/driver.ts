import { randomBytes } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { AppError } from '../../core/errors.ts';
import type {
  Capabilities,
  DeleteItem,
  DeleteOutcome,
  DocumentKey,
  Driver,
  ListedObject,
  ObjectInfo,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  StoreCondition,
  StoredObject,
  StoreIdentity,
} from '../contract.ts';
import { type Environment, type NamedFile, openTransport, type Timeouts } from '../http/transport.ts';
import { registerAuthSecrets } from './authentication.ts';
import { SwiftClient } from './client.ts';
import { type ClusterLimits, DEFAULT_LIMITS, parseLimits } from './cluster-limits.ts';
import type { SwiftOptions } from './config.ts';
import { Containers } from './containers.ts';
import { deleteObjects } from './deleting.ts';
import { isAbsent } from './failure.ts';
import { inspectContainer } from './inspecting.ts';
import { listOwnSegments, planSegmentSize, putLargeObject, removeSegments } from './large-objects.ts';
import { listNames } from './listing.ts';
import { findPlace, nameOf, type ObjectPlace, parsePlace, urlOf } from './object-url.ts';
import { findObject, getObject, type Reader } from './reading.ts';
import { putPlainObject } from './writing.ts';

export interface SwiftSurroundings {
  /** Environment variables: the proxies. */
  readonly environment: Environment;
  readonly timeouts?: Timeouts;
}

const CONCURRENCY = 16;
/** What the driver wrote for itself is removed even if the caller has stopped; it does not wait longer for it. */
const CLEANUP_TIMEOUT_MS = 30_000;

class SwiftDriver implements Driver {
  readonly name = 'swift';
  readonly #options: SwiftOptions;
  readonly #transport: Dispatcher;
  readonly #client: SwiftClient;
  readonly #containers: Containers;
  readonly #reader: Reader;
  readonly #segmentContainer: string;
  #limits: ClusterLimits | undefined;
  #refusesExisting = false;

  constructor(options: SwiftOptions, transport: Dispatcher) {
    this.#options = options;
    this.#transport = transport;
    const { auth, storageUrl, region, endpointType, serviceType } = options;
    this.#client = new SwiftClient({ transport, auth, storageUrl, endpoint: { region, endpointType, serviceType } });
    this.#containers = new Containers(this.#client);
    this.#reader = { client: this.#client, containers: this.#containers };
    this.#segmentContainer = options.segmentContainer ?? `${options.container}_segments`;
  }

  get capabilities(): Capabilities {
    const { maxObjectBytes, largeObjects } = this.#limits ?? DEFAULT_LIMITS;
    return {
      compression: true,
      // The object server looks whether something stands there before it receives the bytes, not when it keeps them: of
      // four creations of one object at once, more than one succeeded in 57 of 60 rounds on Swift 2.30.
      conditionalPut: false,
      strongListing: false,
      inDatabase: false,
      maxPayloadBytes: maxObjectBytes * (largeObjects?.maxSegments ?? 1),
      concurrency: CONCURRENCY,
    };
  }

  #placeOf(key: DocumentKey): ObjectPlace {
    const { maxNameBytes } = this.#limits ?? DEFAULT_LIMITS;
    return { container: this.#options.container, name: nameOf(this.#options.keyPrefix, key, maxNameBytes) };
  }

  #parse(ref: ObjectRef): ObjectPlace {
    return parsePlace(ref.url, (this.#limits ?? DEFAULT_LIMITS).maxNameBytes);
  }

  async #knownLimits(signal: AbortSignal | undefined): Promise<ClusterLimits> {
    this.#limits ??= parseLimits(await this.#client.findInfo(signal));
    return this.#limits;
  }

  locate(key: DocumentKey): string {
    return urlOf(this.#placeOf(key));
  }

  recognises(url: string): boolean {
    return findPlace(url) !== undefined;
  }

  objectId(ref: ObjectRef): string {
    return urlOf(this.#parse(ref));
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    await this.#knownLimits(signal);
    await this.#containers.ensure(this.#options.container, this.#options.createContainer, signal);
    if (!this.#refusesExisting) await this.#probe(signal);
  }

  /** Finds out whether the cluster heeds `If-None-Match` at all, by an object of its own that is removed at once. */
  async #probe(signal: AbortSignal | undefined): Promise<void> {
    const { container, keyPrefix } = this.#options;
    const place = { container, name: `${keyPrefix}.anchore-archive-mover/${randomBytes(12).toString('hex')}` };
    const request = {
      method: 'PUT',
      ...place,
      headers: { 'if-none-match': '*' },
      body: { kind: 'bytes', bytes: new Uint8Array(0) },
      signal,
    } as const;
    const remove = () =>
      this.#client.exchangeText({ method: 'DELETE', ...place, signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) });
    try {
      await this.#client.sendText(request);
      const again = await this.#client.exchangeText(request);
      this.#refusesExisting = !again.ok && again.failure.status === 412;
    } catch (error) {
      await remove().catch(() => undefined);
      throw error;
    }
    const removed = await remove();
    if (!removed.ok && !isAbsent(removed.failure)) {
      throw this.#client.errorOf(removed.failure, { method: 'DELETE', ...place });
    }
  }

  async identify(signal?: AbortSignal): Promise<StoreIdentity> {
    const { container, keyPrefix } = this.#options;
    const { storageUrl } = await this.#client.access(signal);
    // Parsed, since the name of a host has no case, and a port that goes without saying may be said.
    const account = new URL(storageUrl).href.replace(/\/+$/, '');
    return {
      driver: 'swift',
      fingerprint: JSON.stringify(['swift', account, container, keyPrefix]),
      namespace: JSON.stringify(['swift', account]),
      description: `swift container "${container}" at ${account}, prefix "${keyPrefix}"`,
    };
  }

  async inspect(signal?: AbortSignal): Promise<readonly StoreCondition[]> {
    return inspectContainer(this.#client, this.#options.container, this.#options.createContainer, signal);
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    return getObject(this.#reader, this.#parse(ref), signal);
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    const place = this.#parse(ref);
    const state = await findObject(this.#reader, place, signal);
    if (state === undefined) return undefined;
    if (state.sizeBytes === undefined)
      throw new AppError('store.failed', `HEAD ${urlOf(place)}: the cluster gives no length`);
    return { sizeBytes: state.sizeBytes, md5: state.md5 };
  }

  async put(key: DocumentKey, payload: Payload, { mode, signal }: PutOptions): Promise<PutReceipt> {
    const limits = await this.#knownLimits(signal);
    const place = this.#placeOf(key);
    const url = urlOf(place);
    const segmentSizeBytes = planSegmentSize(payload.sizeBytes, limits, this.#options.segmentSizeBytes);
    const createOnly = mode === 'create';
    // Nobody wants to send a large one only to hear that; and one that is replaced may have segments to remove.
    const asks = !createOnly || segmentSizeBytes !== undefined || !this.#refusesExisting;
    const before = asks ? await findObject(this.#reader, place, signal) : undefined;
    if (createOnly && before !== undefined)
      throw new AppError('store.exists', `${url}: an object stands there already`);
    const client = this.#client;
    const orphans = before?.kind === 'static' ? await listOwnSegments(client, place, signal) : [];
    if (segmentSizeBytes === undefined) {
      await putPlainObject(client, place, payload, createOnly, signal);
    } else {
      const segmentContainer = this.#segmentContainer;
      await putLargeObject({ client, place, segmentContainer, segmentSizeBytes, createOnly, signal }, payload);
    }
    await removeSegments(client, orphans);
    return { url, md5: payload.md5, sizeBytes: payload.sizeBytes };
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    if (items.length === 0) return [];
    const { bulkDelete } = await this.#knownLimits(signal);
    const deletion = { reader: this.#reader, bulkItems: bulkDelete?.maxItems, signal };
    return deleteObjects(
      deletion,
      items.map(({ ref, md5 }) => ({ place: this.#parse(ref), md5 })),
    );
  }

  async *list(signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const { container, keyPrefix } = this.#options;
    for await (const { name, sizeBytes } of listNames(this.#client, container, keyPrefix, signal)) {
      yield { url: urlOf({ container, name }), sizeBytes };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.destroy();
  }
}

const fileOf = (option: string, path: string | undefined): NamedFile | undefined =>
  path === undefined ? undefined : { option, path };

/** Opens a store in a Swift container. Sends nothing yet. Throws `config.*` where the options cannot be used. */
export const openSwiftDriver = async (options: SwiftOptions, surroundings: SwiftSurroundings): Promise<Driver> => {
  if (options.segmentContainer === options.container) {
    throw new AppError(
      'config.invalid',
      `segment_container: expected a container other than "${options.container}", which holds the documents`,
    );
  }
  registerAuthSecrets(options.auth);
  const transport = await openTransport({
    caFile: fileOf('os_cacert', options.caFile),
    clientCertificateFile: fileOf('os_cert', options.clientCertificateFile),
    clientKeyFile: fileOf('os_key', options.clientKeyFile),
    verify: !options.insecure,
    environment: surroundings.environment,
    timeouts: surroundings.timeouts,
  });
  return new SwiftDriver(options, transport);
};
