import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { REPOSITORY } from '../support/source-files.ts';

const read = (name: string): Promise<string> => readFile(join(REPOSITORY, 'deploy', name), 'utf8');

test('documents on their way lie on a disk, not in memory', async () => {
  const { services, volumes } = parse(await read('docker-compose.yaml'), { merge: true }) as {
    services: Readonly<Record<string, { readonly volumes?: readonly string[]; readonly tmpfs?: unknown }>>;
    volumes: object;
  };
  for (const name of ['engine', 'manager']) {
    assert.equal(services[name]?.tmpfs, undefined);
    assert.ok(services[name]?.volumes?.includes('temporary:/tmp'), name);
  }
  assert.ok('temporary' in volumes);
  for (const file of ['kubernetes/engine.yaml', 'kubernetes/migrate.yaml'])
    for (const document of parseAllDocuments(await read(file)))
      assert.doesNotMatch(JSON.stringify(document.toJS()), /"medium"/, file);
});
