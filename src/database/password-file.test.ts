import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../core/log.ts';
import { parseConnectUrl } from './connect-url.ts';
import { findPasswordInFile } from './password-file.ts';

test('a password file is read as libpq reads it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'test-pgpass-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'pgpass');
  await writeFile(
    path,
    '# a comment\nh:5432:other:u:wrong\nh:*:d:u:right\\:pass\\\\word\n*:*:*:u:any:thing\nlocalhost:5432:*:v:socket\n',
  );
  await chmod(path, 0o600);
  const find = async (url: string): Promise<string | undefined> => {
    const target = parseConnectUrl(url, { place: 'x', environment: { PGPASSFILE: path } });
    assert.equal(target.kind, 'postgres');
    return target.kind === 'postgres' ? findPasswordInFile(target, silentLog) : undefined;
  };
  assert.equal(await find('postgresql://u@h/d'), 'right:pass\\word');
  assert.equal(await find('postgresql://u@elsewhere/d'), 'any:thing');
  assert.equal(await find('postgresql://v@/d?host=/tmp'), 'socket');
  assert.equal(await find('postgresql://nobody@h/d'), undefined);
  await chmod(path, 0o644);
  assert.equal(await find('postgresql://u@h/d'), undefined);
});
