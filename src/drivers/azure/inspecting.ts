import { AppError, isAppError } from '../../core/errors.ts';
import type { StoreCondition } from '../contract.ts';
import { type AzureClient, withAbort } from './client.ts';
import type { AzureOptions } from './config.ts';

/** What the credentials may not see, or the account does not have, is no condition. */
const ifShown = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await work();
  } catch (error) {
    if (isAppError(error, 'store.denied', 'store.failed')) return undefined;
    throw error;
  }
};

const kept = (text: string): StoreCondition => ({
  severity: 'warn',
  concerns: 'cleaning',
  error: new AppError('store.versioned', text),
  forceable: true,
});

const retention = async (client: AzureClient, signal: AbortSignal | undefined): Promise<StoreCondition[]> => {
  const properties = await ifShown(() =>
    client.call('GET service properties', signal, () => client.service.getProperties(withAbort(signal))),
  );
  const policy = properties?.deleteRetentionPolicy;
  if (policy?.enabled !== true) return [];
  const days = policy.days === undefined ? 'for some days' : `for ${policy.days} days`;
  return [kept(`the account keeps what is deleted ${days} (soft delete), so cleaning it frees no space before`)];
};

/** Whether versions are kept is a setting that only the versions of a blob themselves show to users of the data. */
const versioning = async (
  client: AzureClient,
  { container, prefix }: AzureOptions,
  signal: AbortSignal | undefined,
): Promise<StoreCondition[]> => {
  const first = await ifShown(() =>
    client.call(`LIST azure://${container}`, signal, async () => {
      const options = { includeVersions: true, ...(prefix !== '' && { prefix }), ...withAbort(signal) };
      const pages = client.container(container).listBlobsFlat(options).byPage({ maxPageSize: 1 });
      for await (const page of pages) return page.segment.blobItems[0];
      return undefined;
    }),
  );
  if (first?.versionId === undefined) return [];
  return [kept(`the container "${container}" keeps every version of what is deleted, so cleaning it frees no space`)];
};

/** What an operator should know of the container: whether it exists and lets us in, keeps versions, or locks its blobs. */
export const inspectContainer = async (
  client: AzureClient,
  options: AzureOptions,
  signal: AbortSignal | undefined,
): Promise<readonly StoreCondition[]> => {
  const { container } = options;
  const conditions: StoreCondition[] = [];
  try {
    const found = await client.call(`HEAD azure://${container}`, signal, () =>
      client.container(container).getProperties(withAbort(signal)),
    );
    if (found.hasImmutabilityPolicy === true || found.hasLegalHold === true) {
      const why = found.hasLegalHold === true ? 'a legal hold' : 'an immutability policy';
      const error = new AppError(
        'refused.object-lock',
        `the container "${container}" has ${why}, so blobs in it may not be deleted`,
      );
      conditions.push({ severity: 'refuse', concerns: 'cleaning', error, forceable: true });
    }
  } catch (error) {
    if (isAppError(error, 'store.container-missing'))
      return options.createContainer ? [] : [{ severity: 'refuse', concerns: 'both', error, forceable: false }];
    // A signature may well let blobs be read and written that shows nothing of their container.
    if (isAppError(error, 'store.denied')) return [{ severity: 'warn', concerns: 'both', error, forceable: true }];
    throw error;
  }
  return [...conditions, ...(await versioning(client, options, signal)), ...(await retention(client, signal))];
};
