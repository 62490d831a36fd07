import {
  AnonymousCredential,
  BlobServiceClient,
  type BlockBlobClient,
  type ContainerClient,
  newPipeline,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { registerSecret } from '../../core/secrets.ts';
import type { AzureOptions } from './config.ts';
import { azureError } from './failure.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';

const openService = ({ url, credentials }: AzureOptions): BlobServiceClient => {
  // A driver never tries again by itself: its wrappers do.
  const options = { retryOptions: { maxTries: 1 } };
  if (credentials.kind === 'account-key') {
    registerSecret(credentials.key);
    const credential = new StorageSharedKeyCredential(credentials.account, credentials.key);
    return new BlobServiceClient(url, newPipeline(credential, options));
  }
  registerSecret(credentials.token);
  registerSecret(new URLSearchParams(credentials.token).get('sig') ?? '');
  return new BlobServiceClient(`${url}?${credentials.token}`, newPipeline(new AnonymousCredential(), options));
};

/** One account, spoken to through the library of its maker, whose errors become ours here. */
export class AzureClient {
  readonly service: BlobServiceClient;
  readonly #user: string;

  constructor(options: AzureOptions) {
    this.service = openService(options);
    const { credentials } = options;
    this.#user = credentials.kind === 'account-key' ? `account ${credentials.account}` : 'the bearer of sas_token';
  }

  container(name: string): ContainerClient {
    return this.service.getContainerClient(name);
  }

  blob({ container, name }: ObjectPlace): BlockBlobClient {
    return this.container(container).getBlockBlobClient(name);
  }

  /** What `work` gives; what it throws as one of our errors. */
  async call<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw this.errorOf(error, what, signal);
    }
  }

  errorOf(error: unknown, what: string, signal: AbortSignal | undefined): Error {
    return azureError(error, what, this.#user, signal);
  }
}

export const describe = (operation: string, place: ObjectPlace): string => `${operation} ${urlOf(place)}`;

/** The library takes no `undefined` where an option is left out. */
export const withAbort = (signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } =>
  signal === undefined ? {} : { abortSignal: signal };
