import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import type { Environment } from './environment.ts';

const KEYS = ['ANCHORE_CLI_URL', 'ANCHORE_CLI_USER', 'ANCHORE_CLI_PASS', 'ANCHORE_CLI_SSL_VERIFY'] as const;

/** What a credentials file of the original client may say. */
export type Credentials = Readonly<Partial<Record<(typeof KEYS)[number], string>>>;

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the file that is named, else ~/.anchore/credentials.yaml where there is one: settings under `default`. Throws
 * `config.unreadable`, `config.invalid`.
 */
export const readCredentialsFile = async (
  named: string | undefined,
  environment: Environment,
): Promise<Credentials> => {
  const home = environment['HOME'];
  const file = named ?? (home === undefined ? undefined : join(home, '.anchore/credentials.yaml'));
  if (file === undefined) return {};
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (named === undefined && isMissing(cause)) return {};
    throw new AppError('config.unreadable', `the credentials file ${file}: ${messageOf(cause)}`, { cause });
  }
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(text, { prettyErrors: false, schema: 'failsafe' });
  } catch {
    // The parser's own words would repeat what stands there, which can be a password.
    throw new AppError('config.invalid', `the credentials file ${file} is not YAML`);
  }
  if (content === null || content === undefined || content === '') return {};
  const settings = isMap(content) ? (content['default'] ?? {}) : undefined;
  if (!isMap(settings))
    throw new AppError('config.invalid', `the credentials file ${file}: expected settings below "default:"`);
  const found: Partial<Record<(typeof KEYS)[number], string>> = {};
  for (const key of KEYS) {
    const value = settings[key];
    if (typeof value === 'string') found[key] = value;
  }
  return found;
};
