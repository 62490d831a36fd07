import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { getTestPostgres } from '../support/postgres.ts';
import { startManager } from './running-manager.ts';
import { createConfigs } from './temporary-configs.ts';

const SLOW = { ANCHORE_MANAGER_TEST_HOOKS: JSON.stringify({ settings: { batchSize: 10, batchesInFlight: 1 } }) };

const read = async (name: string): Promise<string> =>
  readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

/** Names of metrics in expressions, and the labels that each is selected by or grouped with. */
const namesIn = (expressions: readonly string[]): ReadonlySet<string> =>
  new Set(expressions.flatMap((text) => text.match(/\b(?:anchore_migration|process)_\w+/g) ?? []));

const labelsIn = (expressions: readonly string[]): ReadonlySet<string> =>
  new Set(
    expressions.flatMap((text) => [
      ...[...text.matchAll(/(\w+)=~?"/g)].map((match) => match[1] ?? ''),
      ...[...text.matchAll(/(?:by|on) \(([^)]*)\)/g)].flatMap((match) => (match[1] ?? '').split(/, */)),
    ]),
  );

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}
interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[] }[];
}

test('a run serves the metrics that the alerts and the dashboard ask for', async () => {
  await using configs = await createConfigs();
  const from = await configs.write('config.yaml', 'db');
  const to = await configs.write('dest-config.yaml', 'db2');
  await using database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  await using migration = startManager(
    ['archivestorage', '--db-connect', database.url, 'migrate', from, to, '--dontask', '--metrics-port', '0'].concat(
      '--requests-per-second',
      '5',
    ),
    SLOW,
  );
  await migration.waitFor('copied', (line) => line['event'] === 'progress' && Number(line['copied']) > 0);
  const url = /Metrics for Prometheus: (http:\/\/127\.0\.0\.1:\d+\/metrics)/.exec(migration.stderr())?.[1] ?? '';
  const answer = await fetch(url);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
  const text = await answer.text();
  assert.equal((await fetch(url.replace('/metrics', '/'))).status, 404);

  const valueOf = (line: string): number => {
    const found = text.split('\n').find((each) => each.startsWith(`${line} `));
    assert.ok(found !== undefined, `${line}\n${text}`);
    return Number(found.slice(line.length + 1));
  };
  assert.equal(valueOf('anchore_migration_documents_planned'), 500);
  const copied = valueOf('anchore_migration_documents_copied_total');
  assert.ok(copied > 0 && copied < 500);
  assert.equal(valueOf('anchore_migration_phase{phase="copying"}'), 1);
  assert.equal(valueOf('anchore_migration_phase{phase="cleaning"}'), 0);
  assert.equal(valueOf('anchore_migration_paused'), 0);
  assert.ok(valueOf('anchore_migration_requests_total{store="source",operation="bulk.get"}') > 0);
  assert.ok(valueOf('anchore_migration_request_bytes_total{store="destination",operation="bulk.put"}') > 0);
  assert.match(text, /^anchore_migration_info\{migration="1",command="migrate",from="db",to="db2",version="\d/m);

  const served = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map((match) => match[1]));
  const alerts = (parse(await read('alerts.yaml')) as Rules).groups.flatMap((group) => group.rules.map((r) => r.expr));
  const { panels } = JSON.parse(await read('grafana-dashboard.json')) as Dashboard;
  const queries = panels.flatMap((panel) => panel.targets.map(({ expr }) => expr));
  assert.ok(alerts.length >= 5 && queries.length >= 15);
  const asked = namesIn([...alerts, ...queries]);
  assert.deepEqual(
    [...asked].filter((name) => !served.has(name)),
    [],
  );
  assert.deepEqual(
    [...served].filter((name) => name?.startsWith('anchore_migration_') === true && !asked.has(name)),
    ['anchore_migration_elapsed_seconds', 'anchore_migration_paused_seconds_total'],
    'whatever is served is of use',
  );
  // `instance` is given by Prometheus; failures have a code only once there are some.
  const labels = new Set([...text.matchAll(/(\w+)="/g)].map((match) => match[1]).concat('instance', 'code'));
  assert.deepEqual(
    [...labelsIn([...alerts, ...queries])].filter((label) => !labels.has(label)),
    [],
  );
});

test('an address that cannot be used refuses before anything begins', async () => {
  await using configs = await createConfigs();
  const from = await configs.write('config.yaml', 'db');
  await using busy = startManager([
    'archivestorage',
    'migrate',
    from,
    from,
    '--dontask',
    '--metrics-host',
    '192.0.2.1',
    '--metrics-port',
    '1',
  ]);
  assert.equal(await busy.ended, 2);
  assert.match(busy.stderr(), /--metrics-port 1 of 192\.0\.2\.1 cannot be used/);
});
