import assert from 'node:assert/strict';
import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findServerUser, makeServerFolder } from '../../test/support/postgres-binaries.ts';
import { type PrivatePostgres, startPrivatePostgres } from '../../test/support/postgres.ts';
import { isAppError } from '../core/errors.ts';
import { parseConnectUrl } from './connect-url.ts';
import { openDatabase } from './open-database.ts';

/** Made for this test: `openssl req -x509 -newkey ec -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost`. */
const CERTIFICATE = `
-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUR7uZlzGpHoJoOayK9t73dsrAarwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA1Mzc0MFoYDzIxMjYxMDMw
MDUzNzQwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASLpcrOGn+HW3L+jI0hyjP+JhND62BI4EiNIWET1l5cLj2NjWiakvib
gVyVhzMty16ftr7zSbkV+WAMd8ZUgEZno2kwZzAdBgNVHQ4EFgQUD1QFRHBjFgV3
Wz/bnCR3MlHYgSEwHwYDVR0jBBgwFoAUD1QFRHBjFgV3Wz/bnCR3MlHYgSEwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SQAwRgIhAJUkwkc9Bu0ELQpJmxg4+Q3pwJ3OZJzc1XJaVi0l8OtKAiEA1yhKO63w
Oytv3GZFZFanLhzC9IsolGNjD4R1UF7CqCM=
-----END CERTIFICATE-----
`.trimStart();
const KEY = `
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgy9Y4Ip2Zd7kmtGJe
sqdqLMibYn0pS/2uC6G96tX5YiKhRANCAASLpcrOGn+HW3L+jI0hyjP+JhND62BI
4EiNIWET1l5cLj2NjWiakvibgVyVhzMty16ftr7zSbkV+WAMd8ZUgEZn
-----END PRIVATE KEY-----
`.trimStart();

describe('TLS to PostgreSQL', () => {
  let server: PrivatePostgres;
  let folder: string;
  before(async () => {
    const user = await findServerUser();
    folder = await makeServerFolder(user);
    const write = async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await writeFile(path, text, { mode: 0o600 });
      if (user !== undefined) await chown(path, user.uid, user.gid);
      return path;
    };
    const settings = {
      ssl: 'on',
      ssl_cert_file: await write('tls.crt', CERTIFICATE),
      ssl_key_file: await write('tls.key', KEY),
    };
    server = await startPrivatePostgres({ settings });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const connect = async (host: string, query: string, useSsl = false): Promise<boolean | undefined> => {
    const url = `postgresql://${server.user}:${server.password}@${host}:${server.port}/postgres${query}`;
    await using db = await openDatabase(parseConnectUrl(url, { place: 'test', environment: {}, useSsl }));
    const { rows } = await db.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return rows[0]?.ssl;
  };

  test('is used as each mode says', async () => {
    assert.equal(await connect('127.0.0.1', ''), true);
    assert.equal(await connect('127.0.0.1', '?sslmode=allow'), false);
    assert.equal(await connect('127.0.0.1', '?sslmode=disable'), false);
    assert.equal(await connect('127.0.0.1', '?sslmode=disable', true), true);
    assert.equal(await connect('127.0.0.1', '?sslmode=require'), true);
    assert.equal(await connect('127.0.0.1', `?sslmode=verify-ca&sslrootcert=${folder}/tls.crt`), true);
    assert.equal(await connect('localhost', `?sslmode=verify-full&sslrootcert=${folder}/tls.crt`), true);
  });

  test('a certificate that is not trusted, or for another host, is refused', async () => {
    const isRefused = (error: unknown): boolean =>
      isAppError(error, 'database.denied') && /certificate/.test(error.message);
    await assert.rejects(connect('localhost', '?sslmode=verify-full'), isRefused);
    await assert.rejects(connect('127.0.0.1', `?sslmode=verify-full&sslrootcert=${folder}/tls.crt`), isRefused);
    await assert.rejects(connect('localhost', '?sslmode=verify-full&sslrootcert=/no/such/file'), (error) =>
      isAppError(error, 'config.invalid'),
    );
  });
});
