import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly bin: Readonly<Record<string, string>>;
  readonly man: readonly string[];
}

/** Where no Node is found, but the ordinary tools of a shell are. */
const makePathWithoutNode = async (folder: string): Promise<string> => {
  const tools = join(folder, 'tools');
  await mkdir(tools);
  for (const tool of ['dirname', 'readlink', 'uname']) {
    const { stdout } = await run('/bin/sh', ['-c', `command -v ${tool}`]);
    await symlink(stdout.trim(), join(tools, tool));
  }
  return tools;
};

describe('the published package', async () => {
  const manifest = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as Manifest;
  let folder = '';
  let launcher = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'test-package-'));
    // Packed beside the clone, so that tests leave its dist as it is.
    const staging = join(folder, 'staging');
    await mkdir(staging);
    for (const entry of ['package.json', ...manifest.files.filter((file) => file !== 'dist')])
      await cp(join(REPOSITORY, entry), join(staging, entry), { recursive: true }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        },
      );
    await run(process.execPath, [join(REPOSITORY, 'scripts/build.ts'), join(staging, 'dist')]);
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: staging });

    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'package.json'), '{ "private": true }');
    const tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`);
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', tarball], {
      cwd: elsewhere,
    });
    launcher = join(elsewhere, 'node_modules', manifest.name, 'bin/anchore-manager');
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test('says its version and how to use it, started as npm links it', async () => {
    const linked = join(folder, 'elsewhere/node_modules/.bin/anchore-manager');
    assert.match((await run(linked, ['--version'])).stdout, new RegExp(manifest.version.replaceAll('.', '\\.')));
    assert.match((await run(linked, ['--help'])).stdout, /Usage/);
  });

  test('starts over a chain of links, relative ones too, with the Node that came along', async () => {
    const path = await makePathWithoutNode(folder);
    await symlink(launcher, join(folder, 'first'));
    await symlink('first', join(folder, 'second'));
    const { stdout } = await run(join(folder, 'second'), ['--version'], { env: { PATH: path } });
    assert.match(stdout, new RegExp(manifest.version.replaceAll('.', '\\.')));
  });

  test('holds no sources and no tests, every launcher that it names, and the manual pages', async () => {
    const { stdout } = await run('tar', ['-tzf', join(folder, `${manifest.name}-${manifest.version}.tgz`)]);
    const files = stdout.trim().split('\n');
    assert.deepEqual(
      files.filter((file) => /\.test\.|^package\/(?:src|test|fixtures)\//.test(file)),
      [],
    );
    for (const file of [...Object.values(manifest.bin), ...manifest.man])
      assert.ok(files.includes(`package/${file}`), file);
  });
});

describe('the launcher', () => {
  test('says what to install where there is no Node, and exits 2', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'test-launcher-'));
    try {
      await cp(join(REPOSITORY, 'bin'), join(folder, 'bin'), { recursive: true });
      const path = await makePathWithoutNode(folder);
      const failure = await run(join(folder, 'bin/anchore-manager'), ['--version'], { env: { PATH: path } }).then(
        () => assert.fail('it started'),
        (error: { code: number; stderr: string }) => error,
      );
      assert.equal(failure.code, 2);
      assert.match(failure.stderr, /^Node\.js 24 or newer is needed/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
