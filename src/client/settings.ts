import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../core/errors.ts';
import { registerSecret } from '../core/secrets.ts';
import { type Credentials, readCredentialsFile } from './credentials-file.ts';
import { type Environment, withoutEmpty } from './environment.ts';

/** What the command line says of the service. */
export interface ConnectionOptions {
  readonly url: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
  readonly asAccount: string | undefined;
  readonly caFile: string | undefined;
  readonly insecure: boolean;
  readonly credentialsFile: string | undefined;
}

/** Which service, and as whom. */
export interface Settings {
  /** Without a slash at its end, and without user and password. */
  readonly url: URL;
  readonly user: string;
  readonly password: string;
  readonly account: string | undefined;
  /** Whether the certificate of the service is checked. */
  readonly verify: boolean;
  readonly caFile: string | undefined;
}

const DEFAULT_URL = 'http://localhost:8228/v1';
const NO = new Set(['n', 'no', 'false', '0']);

const readPasswordFile = async (file: string): Promise<string> => {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('config.unreadable', `the password file ${file}: ${messageOf(cause)}`, { cause });
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new AppError('config.invalid', `the password file ${file} is empty`);
  return password;
};

/** The API lies below /v1, also where only a host is named. */
const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new AppError(
      'usage.invalid',
      'the URL of the service: expected http://HOST:PORT/v1 or https://HOST:PORT/v1',
      {
        remedy: 'Correct --url or ANCHORE_CLI_URL.',
      },
    );
  url.search = '';
  url.hash = '';
  url.pathname = url.pathname.replace(/\/+$/, '') || '/v1';
  return url;
};

const decode = (text: string): string | undefined => {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch (cause) {
    throw new AppError('usage.invalid', 'the user or the password in the URL of the service is not written as %XX', {
      cause,
    });
  }
};

/** Takes user and password out of the URL, which is shown in messages. */
const takeCredentials = (url: URL): { readonly user: string | undefined; readonly password: string | undefined } => {
  const found = { user: decode(url.username), password: decode(url.password) };
  url.username = '';
  url.password = '';
  return found;
};

const findPassword = async (
  options: ConnectionOptions,
  inUrl: string | undefined,
  environment: Environment,
  file: Credentials,
): Promise<string | undefined> => {
  if (options.password !== undefined) return options.password;
  if (options.passwordFile !== undefined) return readPasswordFile(options.passwordFile);
  const { ANCHORE_CLI_PASS: password, ANCHORE_CLI_PASS_FILE: passwordFile } = environment;
  if (inUrl !== undefined || password !== undefined) return inUrl ?? password;
  return passwordFile === undefined ? file.ANCHORE_CLI_PASS : readPasswordFile(passwordFile);
};

const required = (value: string | undefined, what: string, remedy: string): string => {
  if (value === undefined || value === '') throw new AppError('usage.invalid', `${what} is missing`, { remedy });
  return value;
};

/**
 * An option comes before an environment variable, and that before the credentials file. Registers the password as a
 * secret. Throws `usage.invalid`, `config.*`.
 */
export const readSettings = async (options: ConnectionOptions, given: Environment): Promise<Settings> => {
  const environment = withoutEmpty(given);
  const file = await readCredentialsFile(options.credentialsFile ?? environment['ANCHORE_CLI_CONFIG'], environment);
  const url = parseUrl(options.url ?? environment['ANCHORE_CLI_URL'] ?? file.ANCHORE_CLI_URL ?? DEFAULT_URL);
  const inUrl = takeCredentials(url);
  const user = options.user ?? inUrl.user ?? environment['ANCHORE_CLI_USER'] ?? file.ANCHORE_CLI_USER;
  const password = required(
    await findPassword(options, inUrl.password, environment, file),
    'the password',
    'Give --password-file FILE or --p PASSWORD, or set ANCHORE_CLI_PASS or ANCHORE_CLI_PASS_FILE.',
  );
  registerSecret(password);
  const account = options.asAccount ?? environment['ANCHORE_CLI_ACCOUNT'];
  if (account !== undefined && !/^[\x20-\x7e]+$/.test(account))
    throw new AppError('usage.invalid', '--as-account: expected a name in printable ASCII');
  const verify = environment['ANCHORE_CLI_SSL_VERIFY'] ?? file.ANCHORE_CLI_SSL_VERIFY ?? 'y';
  return {
    url,
    user: required(user, 'the user', 'Give --u USER, or set ANCHORE_CLI_USER.'),
    password,
    account,
    verify: !options.insecure && !NO.has(verify.toLowerCase()),
    caFile: options.caFile ?? environment['ANCHORE_CLI_CACERT'] ?? environment['REQUESTS_CA_BUNDLE'],
  };
};
