import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAppError } from '../core/errors.ts';
import { readArchiveConfig } from './archive-section.ts';
import { readConfigFile } from './config-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'config-file-'));
after(() => rm(folder, { recursive: true }));

test('a file that is not there, or is a folder, is told as unreadable, with its name', async () => {
  for (const [path, reason] of [
    [join(folder, 'none.yaml'), /none\.yaml does not exist/],
    [folder, /is a folder/],
  ] as const)
    await assert.rejects(
      readConfigFile(path, {}),
      (error) => isAppError(error, 'config.unreadable') && reason.test(error.message),
    );
});

test('ANCHORE_ENV_FILE gives variables that the environment lacks', async () => {
  const file = join(folder, 'c.yaml');
  const variables = join(folder, 'env');
  await writeFile(
    file,
    'services: {catalog: {archive: {storage_driver: {name: localfs, config: {archive_data_dir: "/${ANCHORE_A}/${ANCHORE_B}"}}}}}',
  );
  await writeFile(variables, 'ANCHORE_A="from-file"\nANCHORE_B=from-file\n');
  const config = await readArchiveConfig(file, { ANCHORE_ENV_FILE: variables, ANCHORE_B: 'from-environment' });
  assert.ok(config.driver.name === 'localfs');
  assert.equal(config.driver.options.archiveDataDir, '/from-file/from-environment');
  await assert.rejects(readArchiveConfig(file, { ANCHORE_ENV_FILE: join(folder, 'none') }), (error) =>
    isAppError(error, 'config.invalid'),
  );
});
