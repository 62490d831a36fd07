import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseOptions } from './options.ts';
import { chooseRows, ROWS } from './rows/catalogue.ts';

describe('the command line of the benchmark', () => {
  test('rows are named after --only, all of them', () => {
    const { only, runs, full } = parseOptions(['--full', '--only', 'db-s3', 'memory-small', '--runs', '7']);
    assert.deepEqual({ only, runs, full }, { only: ['db-s3', 'memory-small'], runs: 7, full: true });
  });

  test('at least five runs are the figures of the page', () => {
    assert.equal(parseOptions(['--full']).runs, 5);
  });

  test('what cannot be meant is refused', () => {
    for (const args of [
      ['--full', '--quick'],
      ['--full', '--documents', '5'],
      ['db-s3'],
      ['--runs', '0'],
      ['--documents', '1.5'],
      ['--fast'],
    ])
      assert.throws(() => parseOptions(args));
  });

  test('a name means a row, or all that begin with it', () => {
    const names = (only: readonly string[]): readonly string[] => chooseRows(only).map(({ name }) => name);
    assert.deepEqual(names(['db2-db']), ['db2-db']);
    assert.deepEqual(names(['db-s3']), ['db-s3-swift', 'db-s3-versitygw', 'db-s3-minio']);
    assert.ok(names([]).length < ROWS.length, 'some are measured only where they are named');
    assert.ok(names([]).includes('concurrency-swift'), 'what has a target is on the page');
    assert.throws(() => chooseRows(['db-nowhere']), /expected one of db-s3-swift/);
  });
});
