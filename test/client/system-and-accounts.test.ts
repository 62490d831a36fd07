import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ServedPlace, servePlace } from './engine.ts';

describe('system and account', () => {
  let served: ServedPlace;
  before(async () => {
    served = await servePlace();
  });
  after(() => served[Symbol.asyncDispose]());

  test('system status tells each service and the versions', async () => {
    const { code, out, err } = await served.cli(['system', 'status']);
    assert.equal(code, 0, err);
    assert.match(out, /^Service apiext \(host-one, http:\/\/127\.0\.0\.1:\d+\): up$/m);
    assert.match(out, /^Service catalog \(host-one, http:\/\/127\.0\.0\.1:\d+\): up$/m);
    assert.match(out, /\n\nEngine DB Version: 0\.0\.16\nEngine Code Version: \d+\.\d+\.\d+\n$/);
  });

  test('--json prints what the service answers, wherever it stands', async () => {
    for (const args of [
      ['--json', 'system', 'status'],
      ['system', '--json', 'status'],
      ['system', 'status', '--json'],
    ]) {
      const { out } = await served.cli(args);
      assert.match(out, /^\{\n {4}"service_states": \[\n {8}\{\n {12}"base_url": /);
      assert.ok(JSON.parse(out).service_states.length >= 2);
    }
    const { out } = await served.cli(['system', 'status'], { environment: { ANCHORE_CLI_JSON: 'y' } });
    assert.match(out, /^\{/);
  });

  test('account list is a table, the oldest first', async () => {
    const { code, out, err } = await served.cli(['account', 'list']);
    assert.equal(code, 0, err);
    const [header, ...rows] = out.split('\n');
    assert.match(header ?? '', /^Name {4,} Email {4,}Type {4,}State {4,}Created {4,}/);
    assert.ok(
      rows.some((row) => /^admin {8}None {9}admin {8}enabled {8}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {8}$/.test(row)),
      out,
    );
  });

  test('--as-account acts as another account', async () => {
    await served.place.database.query(`INSERT INTO accounts (name, state, type) VALUES ('other', 'enabled', 'user')`);
    assert.equal((await served.cli(['document', 'put', 'b', '-', '--id', 'x'], { input: '1' })).code, 0);
    const { code, err } = await served.cli(['document', 'get', 'b', 'x', '--as-account', 'other']);
    assert.equal(code, 1, err);
    assert.match(err, /request\.not-found \(HTTP 404\)/);
    assert.equal((await served.cli(['--as-account', 'nobody', 'policy', 'list'])).code, 2);
  });

  test('system wait returns once everything is up', async () => {
    const { code, out, err } = await served.cli([
      'system',
      'wait',
      '--timeout',
      '20',
      '--interval',
      '0.1',
      '--feedsready',
      '',
    ]);
    assert.equal(code, 0, err);
    assert.equal(out, '');
    assert.match(err, /API availability: Success\.\nService availability: Success\.\n$/);
  });

  test('system wait ends with 2 when its time is over, and says what is missing', async () => {
    const { code, err } = await served.cli([
      'system',
      'wait',
      '--timeout',
      '0.3',
      '--interval',
      '0.1',
      '--servicesready',
      'catalog,oracle',
    ]);
    assert.equal(code, 2);
    assert.match(err, /timed out after 0\.3 seconds; the last check: not up yet: oracle/);
    assert.match(err, /service\.timeout/);
    const refused = await served.cli([
      'system',
      'wait',
      '--timeout',
      '0.2',
      '--interval',
      '0.1',
      '--url',
      'http://127.0.0.1:1/v1',
    ]);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /nothing listens there/);
  });

  test('system wait does not wait for a wrong password to get right', async () => {
    const { code, err } = await served.cli(['system', 'wait', '--p', 'wrong-password']);
    assert.equal(code, 2);
    assert.match(err, /request\.unauthorized \(HTTP 401\)/);
  });
});
