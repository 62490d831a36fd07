import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { startPrivatePostgres } from '../support/postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';
import { createPlace } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

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

interface Deployment {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly Readonly<Record<string, { readonly httpGet: { readonly path: string } }>>[];
      };
    };
  };
}

test('Kubernetes restarts no engine because of its database', async () => {
  const documents = parseAllDocuments(await read('kubernetes/engine.yaml')).map((each) => each.toJS() as Deployment);
  const engine = documents.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.containers[0];
  const pathOf = (probe: string): string => engine?.[probe]?.httpGet.path ?? '';
  assert.equal(pathOf('readinessProbe'), '/health');
  const postgres = await startPrivatePostgres();
  try {
    await using place = await createPlace();
    const config = await place.configure();
    await writeFile(config, (await readFile(config, 'utf8')).replace(place.database.url, postgres.urlOf('postgres')));
    await using service = await EngineProcess.start(['-c', config]);
    const statusOf = async (path: string): Promise<number> => (await fetch(`${service.urlOf('apiext')}${path}`)).status;
    const all = (): Promise<number[]> =>
      Promise.all(['livenessProbe', 'startupProbe', 'readinessProbe'].map((probe) => statusOf(pathOf(probe))));
    assert.deepEqual(await all(), [200, 200, 200]);
    await postgres.stop();
    assert.deepEqual(await all(), [200, 200, 503]);
  } finally {
    await postgres[Symbol.asyncDispose]();
  }
});

test('the documented steps of a migration wait until the pods have stopped', async () => {
  for (const file of ['README.md', 'kubernetes/migrate.yaml']) {
    const text = await read(file);
    const steps = [
      'kubectl scale ',
      'kubectl wait --for=delete pod ',
      'kubectl apply -f deploy/kubernetes/migrate.yaml',
    ];
    const places = steps.map((step) => text.indexOf(step));
    assert.ok(
      places.every((at) => at >= 0),
      file,
    );
    assert.deepEqual(
      places,
      places.toSorted((one, other) => one - other),
      file,
    );
  }
});
