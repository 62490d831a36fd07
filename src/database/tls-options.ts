import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { AppError, messageOf, unreachable } from '../core/errors.ts';
import type { TlsSettings } from './database-target.ts';

/** `false` is a connection without TLS. */
export type TlsOptions = ConnectionOptions | false;

/** How to connect, in the order in which to try: `allow` and `prefer` have two ways. */
export const readTlsOptions = async (settings: TlsSettings, unixSocket: boolean): Promise<readonly TlsOptions[]> => {
  if (unixSocket || settings.mode === 'disable') return [false];
  const files = {
    ...(settings.rootCertFile === undefined ? {} : { ca: await readPem('sslrootcert', settings.rootCertFile) }),
    ...(settings.certFile === undefined ? {} : { cert: await readPem('sslcert', settings.certFile) }),
    ...(settings.keyFile === undefined ? {} : { key: await readPem('sslkey', settings.keyFile) }),
  };
  const unverified: ConnectionOptions = { ...files, rejectUnauthorized: false };
  switch (settings.mode) {
    case 'allow':
      return [false, unverified];
    case 'prefer':
      return [unverified, false];
    case 'require':
      return [unverified];
    case 'verify-ca':
      return [{ ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [{ ...files, rejectUnauthorized: true }];
    default:
      return unreachable(settings.mode);
  }
};

const readPem = async (name: string, path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('config.invalid', `${name}: cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
};
