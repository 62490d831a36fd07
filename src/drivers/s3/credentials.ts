import { AppError, messageOf } from '../../core/errors.ts';
import { registerSecret } from '../../core/secrets.ts';
import type { S3Credentials } from './config.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where the credentials of each request come from. */
export interface CredentialSource {
  /** Valid ones, from memory until shortly before they expire. Throws `store.credentials` where none can be had. */
  get(): Promise<AwsCredentials>;
  /** The id of the key last used, for messages. */
  keyId(): string | undefined;
  /** Looks for newer ones, after the store called those of a key expired. false: there are none. */
  refresh(expiredKeyId: string | undefined): Promise<boolean>;
}

const staticSource = (credentials: AwsCredentials): CredentialSource => ({
  get: async () => credentials,
  keyId: () => credentials.accessKeyId,
  refresh: async () => false,
});

type Chain = (options?: { readonly forceRefresh?: boolean }) => Promise<AwsCredentials>;

/** Loaded only here: the chain is large, and most configurations name their keys. It remembers, and refreshes in time. */
const loadChain = async (): Promise<Chain> => (await import('@aws-sdk/credential-provider-node')).defaultProvider();

/** The standard AWS chain: environment, profile, SSO, web identity, ECS, instance metadata. */
const chainSource = (load: () => Promise<Chain>): CredentialSource => {
  let chain: Promise<Chain> | undefined;
  let last: AwsCredentials | undefined;
  const resolve = async (forceRefresh: boolean): Promise<AwsCredentials> => {
    try {
      chain ??= load();
      const found = await (await chain)({ forceRefresh });
      if (found.secretAccessKey !== last?.secretAccessKey) {
        registerSecret(found.secretAccessKey);
        if (found.sessionToken !== undefined) registerSecret(found.sessionToken);
      }
      return (last = found);
    } catch (cause) {
      throw new AppError('store.credentials', `iamauto: the AWS chain found no credentials: ${messageOf(cause)}`, {
        cause,
      });
    }
  };
  return {
    get: () => resolve(false),
    keyId: () => last?.accessKeyId,
    refresh: async (expiredKeyId) => (await resolve(true)).accessKeyId !== expiredKeyId,
  };
};

export const openCredentials = (options: S3Credentials, load: () => Promise<Chain> = loadChain): CredentialSource => {
  if (options.kind === 'chain') return chainSource(load);
  const { accessKey, secretKey, sessionToken } = options;
  registerSecret(secretKey);
  if (sessionToken !== undefined) registerSecret(sessionToken);
  return staticSource({ accessKeyId: accessKey, secretAccessKey: secretKey, ...(sessionToken && { sessionToken }) });
};
