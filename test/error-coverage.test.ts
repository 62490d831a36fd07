import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { ERROR_CATALOGUE } from '../src/core/error-catalogue.ts';
import { isTest, readSourceFiles } from './support/source-files.ts';

/** Suites that several test files run count as tests too. */
const isSuite = (path: string): boolean =>
  isTest(path) || path.startsWith('test/') || path.startsWith('src/drivers/conformance/');

const codes = Object.keys(ERROR_CATALOGUE).filter((code) => code.startsWith('store.'));

test('every error of a store is expected by a test', async () => {
  assert.ok(codes.length > 20);
  const files = await readSourceFiles('src', 'test');
  const suites = files.filter(({ path }) => isSuite(path) && path !== `test/${basename(import.meta.filename)}`);
  const expected = suites.map(({ code }) => code).join('\n');
  assert.deepEqual(
    codes.filter((code) => !expected.includes(`'${code}'`)),
    [],
  );
});
