import { z } from 'zod';
import { type DriverSection, flag, optionalText, requiredText } from '../../core/driver-section.ts';

export type AzureCredentials =
  | { readonly kind: 'account-key'; readonly account: string; readonly key: string }
  | { readonly kind: 'sas'; readonly token: string };

/** A container of Azure Blob Storage. Only this program has such a driver: no release of Anchore Engine reads it. */
export interface AzureOptions {
  /** The endpoint of the account, such as `https://myaccount.blob.core.windows.net`. */
  readonly url: string;
  readonly container: string;
  readonly createContainer: boolean;
  /** Put before every name as it is; no `/` is added. */
  readonly prefix: string;
  readonly credentials: AzureCredentials;
}

const shape = {
  container: requiredText('the name of a container'),
  create_container: flag(false),
  prefix: z.string('a text').default(''),
  account: optionalText('the name of a storage account'),
  account_key: optionalText('an access key of the storage account'),
  sas_token: optionalText('a shared access signature'),
  url: optionalText('the URL of the account, such as https://myaccount.blob.core.windows.net'),
};

type Section = z.infer<z.ZodObject<typeof shape>>;

const credentialsOf = (section: Section, context: z.RefinementCtx): AzureCredentials => {
  const { account, account_key: key, sas_token: token } = section;
  if (key !== undefined && account !== undefined) {
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return { kind: 'account-key', account, key };
    context.addIssue({ code: 'custom', path: ['account_key'], message: 'an access key, which is base64' });
    return z.NEVER;
  }
  if (key !== undefined) context.addIssue({ code: 'custom', path: ['account'], message: 'the account of account_key' });
  else if (token !== undefined) return { kind: 'sas', token: token.replace(/^\?/, '') };
  else context.addIssue({ code: 'custom', path: ['account_key'], message: 'account and account_key, or sas_token' });
  return z.NEVER;
};

const urlOf = ({ url, account }: Section, context: z.RefinementCtx): string => {
  const text = url ?? (account === undefined ? undefined : `https://${account}.blob.core.windows.net`);
  const parsed = text === undefined ? null : URL.parse(text);
  // A query would be a signature: it belongs into sas_token, where it is kept secret.
  if (parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.search === '' && parsed.password === '')
    return parsed.href.replace(/\/+$/, '');
  const message = text === undefined ? 'account or url' : 'an http:// or https:// URL without a query';
  context.addIssue({ code: 'custom', path: ['url'], message });
  return z.NEVER;
};

export const azureSection: DriverSection<'azure', AzureOptions> = {
  driver: 'azure',
  schema: z.object(shape).transform((section, context): AzureOptions => ({
    url: urlOf(section, context),
    container: section.container,
    createContainer: section.create_container,
    prefix: section.prefix,
    credentials: credentialsOf(section, context),
  })),
  keys: Object.keys(shape),
  secretKeys: ['account_key', 'sas_token'],
  // As Azure's own command line names them.
  environment: {
    account: 'AZURE_STORAGE_ACCOUNT',
    account_key: 'AZURE_STORAGE_KEY',
    sas_token: 'AZURE_STORAGE_SAS_TOKEN',
  },
};
