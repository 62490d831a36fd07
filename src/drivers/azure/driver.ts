import { AppError, isAppError } from '../../core/errors.ts';
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
import { AzureClient, withAbort } from './client.ts';
import type { AzureOptions } from './config.ts';
import { deleteObjects } from './deleting.ts';
import { inspectContainer } from './inspecting.ts';
import { findPlace, nameOf, type ObjectPlace, parsePlace, urlOf } from './object-url.ts';
import { findObject, getObject } from './reading.ts';
import { MAX_PAYLOAD_BYTES, ONE_REQUEST_BYTES, putInBlocks, putInOne } from './writing.ts';

const PAGE_BLOBS = 5000;

const CAPABILITIES: Capabilities = {
  compression: true,
  conditionalPut: true,
  strongListing: true,
  inDatabase: false,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  concurrency: 16,
};

class AzureDriver implements Driver {
  readonly name = 'azure';
  readonly capabilities = CAPABILITIES;
  readonly #options: AzureOptions;
  readonly #client: AzureClient;

  constructor(options: AzureOptions) {
    this.#options = options;
    this.#client = new AzureClient(options);
  }

  #placeOf(key: DocumentKey): ObjectPlace {
    return { container: this.#options.container, name: nameOf(this.#options.prefix, key) };
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

  async prepare(signal?: AbortSignal): Promise<void> {
    const { container, createContainer } = this.#options;
    const client = this.#client.container(container);
    const what = `${createContainer ? 'PUT' : 'HEAD'} azure://${container}`;
    await this.#client
      .call<unknown>(what, signal, () =>
        createContainer ? client.createIfNotExists(withAbort(signal)) : client.getProperties(withAbort(signal)),
      )
      .catch((error: unknown) => {
        // A signature for blobs alone may not see the container: then the first blob tells.
        if (this.#options.credentials.kind !== 'sas' || !isAppError(error, 'store.denied')) throw error;
      });
  }

  async identify(): Promise<StoreIdentity> {
    const { url, container, prefix } = this.#options;
    return {
      driver: this.name,
      fingerprint: JSON.stringify(['azure', url, container, prefix]),
      namespace: JSON.stringify(['azure', url]),
      description: `azure container "${container}" at ${url}, prefix "${prefix}"`,
    };
  }

  async inspect(signal?: AbortSignal): Promise<readonly StoreCondition[]> {
    return inspectContainer(this.#client, this.#options, signal);
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    return getObject(this.#client, parsePlace(ref.url), signal);
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    const info = await findObject(this.#client, parsePlace(ref.url), signal);
    return info && { sizeBytes: info.sizeBytes, md5: info.md5 };
  }

  async put(key: DocumentKey, payload: Payload, { mode, signal }: PutOptions): Promise<PutReceipt> {
    const place = this.#placeOf(key);
    const url = urlOf(place);
    const { sizeBytes } = payload;
    if (sizeBytes > MAX_PAYLOAD_BYTES)
      throw new AppError('store.too-large', `${url}: ${sizeBytes} bytes; expected at most ${MAX_PAYLOAD_BYTES}`);
    const createOnly = mode === 'create';
    const job = { place, payload, createOnly, signal };
    if (sizeBytes <= ONE_REQUEST_BYTES) return { url, md5: await putInOne(this.#client, job), sizeBytes: undefined };
    // Nobody wants to send a large one only to hear that something stands there.
    if (createOnly && (await findObject(this.#client, place, signal)) !== undefined)
      throw new AppError('store.exists', `${url}: a blob stands there already`);
    await putInBlocks(this.#client, job);
    return { url, md5: undefined, sizeBytes: undefined };
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    return deleteObjects(this.#client, items, signal);
  }

  async *list(signal?: AbortSignal): AsyncGenerator<ListedObject> {
    const { container, prefix } = this.#options;
    const what = `LIST azure://${container}`;
    const options = { ...withAbort(signal), ...(prefix !== '' && { prefix }) };
    const pages = this.#client.container(container).listBlobsFlat(options).byPage({ maxPageSize: PAGE_BLOBS });
    for (;;) {
      const page = await this.#client.call(what, signal, () => pages.next());
      if (page.done === true) return;
      for (const { name, properties } of page.value.segment.blobItems) {
        if (properties.contentLength === undefined)
          throw new AppError('store.failed', `${what}: ${JSON.stringify(name)} has no length`);
        yield { url: urlOf({ container, name }), sizeBytes: properties.contentLength };
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The library's connections are those of the process, and end with their last request.
  }
}

/** Opens a store in a container of Azure Blob Storage. Sends nothing yet. */
export const openAzureDriver = (options: AzureOptions): Driver => new AzureDriver(options);
