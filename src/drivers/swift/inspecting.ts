import { AppError } from '../../core/errors.ts';
import type { StoreCondition } from '../contract.ts';
import type { ResponseHeaders } from '../http/response.ts';
import type { SwiftClient } from './client.ts';
import { isAbsent } from './failure.ts';

const versioning = (container: string, headers: ResponseHeaders): StoreCondition[] => {
  const enabled = headers['x-versions-enabled']?.toLowerCase() === 'true';
  const history = headers['x-history-location'];
  const stack = headers['x-versions-location'];
  if (!enabled && history === undefined && stack === undefined) return [];
  const where = enabled ? '' : ` in the container "${history ?? stack ?? ''}"`;
  const text =
    stack !== undefined
      ? `the container "${container}" keeps earlier versions${where}, and brings them back when an object is deleted`
      : `the container "${container}" keeps every version of what is deleted${where}, so cleaning it frees no space by itself`;
  return [{ severity: 'warn', concerns: 'cleaning', error: new AppError('store.versioned', text), forceable: true }];
};

const numberOf = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;

/** Room that a quota leaves: a warning, or a refusal where nothing more fits. */
const quota = (what: string, limit: string | undefined, used: string | undefined, unit: string): StoreCondition[] => {
  const most = numberOf(limit);
  if (most === undefined) return [];
  const left = most - (numberOf(used) ?? 0);
  const error = new AppError(
    'store.full',
    `${what} has a quota of ${most} ${unit}, of which ${Math.max(0, left)} are left`,
  );
  return [{ severity: left > 0 ? 'warn' : 'refuse', concerns: 'writing', error, forceable: true }];
};

const containerQuotas = (container: string, headers: ResponseHeaders): StoreCondition[] => {
  const what = `the container "${container}"`;
  return [
    ...quota(what, headers['x-container-meta-quota-bytes'], headers['x-container-bytes-used'], 'bytes'),
    ...quota(what, headers['x-container-meta-quota-count'], headers['x-container-object-count'], 'objects'),
  ];
};

/** What an operator should know of the container: whether it exists and lets us in, keeps versions, has a quota. */
export const inspectContainer = async (
  client: SwiftClient,
  container: string,
  createContainer: boolean,
  signal: AbortSignal | undefined,
): Promise<readonly StoreCondition[]> => {
  const request = { method: 'HEAD', container, signal } as const;
  const answer = await client.exchangeText(request);
  const account = await client.exchangeText({ method: 'HEAD', signal });
  const ofAccount = account.ok
    ? quota(
        'the account',
        account.headers['x-account-meta-quota-bytes'],
        account.headers['x-account-bytes-used'],
        'bytes',
      )
    : [];
  if (answer.ok)
    return [...versioning(container, answer.headers), ...containerQuotas(container, answer.headers), ...ofAccount];
  if (isAbsent(answer.failure)) {
    const error = new AppError('store.container-missing', `the container "${container}" does not exist`);
    return createContainer ? ofAccount : [{ severity: 'refuse', concerns: 'both', error, forceable: false }];
  }
  const error = client.errorOf(answer.failure, request);
  // An ACL may well let objects be read and written that shows nothing of their container.
  if (error.code === 'store.denied') return [{ severity: 'warn', concerns: 'both', error, forceable: true }];
  throw error;
};
