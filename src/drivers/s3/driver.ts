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
import { findArchivalTarget } from './archival.ts';
import { ensureBucket } from './bucket.ts';
import { S3Client } from './client.ts';
import type { S3Options } from './config.ts';
import { probeConditionalPut } from './conditional-put.ts';
import { isAwsChecksum } from './checksum.ts';
import { copyObject, type CopySizes, DEFAULT_COPY_SIZES, probeConditionalCopy } from './copy-object.ts';
import { openCredentials } from './credentials.ts';
import { deleteObjects } from './delete-objects.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { inspectBucket } from './inspect.ts';
import { listObjects, MAX_PAGE_KEYS } from './list-objects.ts';
import { findPlace, keyOf, type ObjectPlace, parsePlace, urlOf } from './object-url.ts';
import { putMultipart } from './multipart.ts';
import { DEFAULT_PART_SIZES, type PartSizes } from './multipart-parts.ts';
import { abortNotedUploads, createUploadRegister, noteUnfinishedUploads } from './multipart-uploads.ts';
import { IN_MEMORY_BYTES, type PutContext, type PutJob, putObject, signsBodies } from './put-object.ts';
import { MemoryBudget } from '../../core/memory-budget.ts';
import { DEFAULT_RANGE_SIZES, type RangeSizes } from './ranged-read.ts';
import { getObject, headObject, objectExists, type ReadContext } from './read-object.ts';
import { createSigner } from './signing.ts';
import { type Environment, openTransport, type Timeouts } from '../http/transport.ts';

export interface S3Surroundings {
  /** Environment variables: the proxies, and the region where neither `url` nor `region` is set. */
  readonly environment: Environment;
  readonly timeouts?: Timeouts;
  readonly partSizes?: PartSizes;
  readonly rangeSizes?: RangeSizes;
  readonly copySizes?: CopySizes;
  /** How many keys a page of a listing has at most. */
  readonly pageKeys?: number;
  /** The clock that requests are signed by; the machine's. */
  readonly now?: () => Date;
}

/** 10,000 parts of up to 5 GiB make more, but no object may be larger; in bytes. */
const MAX_PAYLOAD_BYTES = 5 * 1024 ** 4;
const CONCURRENCY = 32;
/** What all ranges that were fetched ahead hold together. */
const READ_AHEAD_BYTES = 128 * 1024 * 1024;

interface DriverParts {
  readonly endpoint: Endpoint;
  readonly client: S3Client;
  readonly transport: Dispatcher;
  readonly sizes: PartSizes;
  readonly pageKeys: number;
  readonly ranges: RangeSizes;
  readonly copies: CopySizes;
}

class S3Driver implements Driver {
  readonly name = 's3';
  #conditionalPut: boolean | undefined;
  #comparesCopies: boolean | undefined;
  readonly #knownBuckets = new Set<string>();
  readonly #uploads = createUploadRegister();
  readonly #learnt = { refusesEtags: false };
  readonly #options: S3Options;
  readonly #endpoint: Endpoint;
  readonly #client: S3Client;
  readonly #transport: Dispatcher;
  readonly #sizes: PartSizes;
  readonly #copies: CopySizes;
  readonly #pageKeys: number;
  readonly #reading: ReadContext;
  /** In bytes. */
  readonly #multipartAbove: number;

  constructor(options: S3Options, parts: DriverParts) {
    this.#options = options;
    this.#endpoint = parts.endpoint;
    this.#client = parts.client;
    this.#transport = parts.transport;
    this.#sizes = parts.sizes;
    this.#copies = parts.copies;
    this.#pageKeys = parts.pageKeys;
    this.#reading = { client: parts.client, ranges: parts.ranges, memory: new MemoryBudget(READ_AHEAD_BYTES) };
    // A checksum other than MD5 is not known beforehand, so such a payload cannot be streamed in one piece.
    const inOnePiece = isAwsChecksum(options.checksum) ? IN_MEMORY_BYTES : parts.sizes.multipartBytes;
    this.#multipartAbove = Math.min(inOnePiece, parts.sizes.multipartBytes);
  }

  get capabilities(): Capabilities {
    return {
      compression: true,
      conditionalPut: this.#conditionalPut === true,
      // Amazon promises it; others who speak its protocol often do not (OpenStack Swift lists some time later).
      strongListing: this.#endpoint.amazon,
      inDatabase: false,
      maxPayloadBytes: MAX_PAYLOAD_BYTES,
      concurrency: CONCURRENCY,
    };
  }

  #placeOf(key: DocumentKey): ObjectPlace {
    return { bucket: this.#options.bucket, key: keyOf(this.#options.prefix, key) };
  }

  locate(key: DocumentKey): string {
    return urlOf(this.#placeOf(key));
  }

  recognises(url: string): boolean {
    return findPlace(url) !== undefined;
  }

  objectId(ref: ObjectRef): string {
    return urlOf(parsePlace(ref.url));
  }

  #refuseArchival(): void {
    const error = findArchivalTarget(this.#options);
    if (error !== undefined) throw error;
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    this.#refuseArchival();
    await ensureBucket(this.#client, this.#options, signal);
    this.#knownBuckets.add(this.#options.bucket);
    this.#conditionalPut ??= await probeConditionalPut(this.#client, this.#options, signal);
    await noteUnfinishedUploads(this.#client, this.#uploads, this.#options.bucket, this.#options.prefix, signal);
  }

  async identify(): Promise<StoreIdentity> {
    const { bucket, prefix } = this.#options;
    const { identity, description } = this.#endpoint;
    return {
      driver: 's3',
      fingerprint: JSON.stringify(['s3', identity, bucket, prefix]),
      namespace: JSON.stringify(['s3', identity]),
      description: `s3 bucket "${bucket}" at ${description}, prefix "${prefix}"`,
    };
  }

  async inspect(signal?: AbortSignal): Promise<readonly StoreCondition[]> {
    return inspectBucket(this.#client, this.#options, signal);
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    return getObject(this.#reading, parsePlace(ref.url), signal);
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    const info = await headObject(this.#client, parsePlace(ref.url), this.#knownBuckets, signal);
    return info && { sizeBytes: info.sizeBytes, md5: info.md5 };
  }

  async put(key: DocumentKey, payload: Payload, { mode, signal }: PutOptions): Promise<PutReceipt> {
    this.#refuseArchival();
    const place = this.#placeOf(key);
    const url = urlOf(place);
    if (payload.sizeBytes > MAX_PAYLOAD_BYTES) {
      throw new AppError('store.too-large', `${url}: ${payload.sizeBytes} bytes; S3 allows ${MAX_PAYLOAD_BYTES}`);
    }
    const creates = mode === 'create';
    const inParts = payload.sizeBytes > this.#multipartAbove;
    // Large ones are asked for beforehand in any case: nobody wants to send them only to hear that.
    if (creates && (inParts || this.#conditionalPut !== true)) {
      if (await objectExists(this.#client, place, this.#knownBuckets, signal)) {
        throw new AppError('store.exists', `${url}: an object stands there already`);
      }
    }
    const conditions = creates && this.#conditionalPut === true ? { 'if-none-match': '*' } : {};
    const context: PutContext = { client: this.#client, options: this.#options };
    const job: PutJob = { place, payload, conditions, signal };
    if (inParts)
      return { url, md5: await putMultipart(context, this.#uploads, this.#sizes, job), sizeBytes: undefined };
    await abortNotedUploads(this.#client, this.#uploads, place);
    return { url, md5: await putObject(context, job), sizeBytes: undefined };
  }

  async copyWithin(
    source: ObjectRef,
    key: DocumentKey,
    expected: { readonly md5: string; readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<PutReceipt> {
    const place = this.#placeOf(key);
    const url = urlOf(place);
    const context: PutContext = { client: this.#client, options: this.#options };
    const job = { source: parsePlace(source.url), place, expected, signal };
    this.#comparesCopies ??= await probeConditionalCopy(context, job);
    if (!this.#comparesCopies)
      throw new AppError('store.failed', `${url}: the store does not compare what it copies, so it is not asked to`);
    await abortNotedUploads(this.#client, this.#uploads, place);
    return { url, md5: await copyObject(context, this.#uploads, this.#copies, job), sizeBytes: undefined };
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    const context = {
      client: this.#client,
      reading: this.#reading,
      knownBuckets: this.#knownBuckets,
      signsBodies: signsBodies(this.#options),
      learnt: this.#learnt,
      signal,
    };
    for (const { ref } of items) {
      const place = findPlace(ref.url);
      if (place !== undefined) await abortNotedUploads(this.#client, this.#uploads, place);
    }
    return deleteObjects(context, items);
  }

  list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    return listObjects(this.#client, this.#options.bucket, this.#options.prefix, this.#pageKeys, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.destroy();
  }
}

/** Opens a store of S3, or of a server that speaks its protocol. Sends nothing yet. */
export const openS3Driver = async (options: S3Options, surroundings: S3Surroundings): Promise<Driver> => {
  const { environment, timeouts, now } = surroundings;
  const caFile = options.caFile === undefined ? undefined : { option: 'ca_file', path: options.caFile };
  const transport = await openTransport({ caFile, verify: options.verify, environment, timeouts });
  const endpoint = openEndpoint(options);
  const credentials = openCredentials(options.credentials);
  const named = options.region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  const region = options.url === undefined ? named : undefined;
  const client = new S3Client({ transport, endpoint, signer: createSigner(credentials), credentials, region, now });
  const {
    partSizes: sizes = DEFAULT_PART_SIZES,
    pageKeys = MAX_PAGE_KEYS,
    rangeSizes: ranges = DEFAULT_RANGE_SIZES,
    copySizes: copies = DEFAULT_COPY_SIZES,
  } = surroundings;
  return new S3Driver(options, { endpoint, client, transport, sizes, pageKeys, ranges, copies });
};
