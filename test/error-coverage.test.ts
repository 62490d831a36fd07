import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { ERROR_CATALOGUE } from '../src/core/error-catalogue.ts';
import { isTest, readSourceFiles } from './support/source-files.ts';

/**
 * Codes that no test expects. It may only become shorter: a code that is not in it needs a test, and one that has got a test
 * has to leave it.
 */
const UNTESTED: readonly string[] = [];

/** Suites that several test files run count as tests too. */
const isSuite = (path: string): boolean =>
  isTest(path) || path.startsWith('test/') || path.startsWith('src/drivers/conformance/');

/** Where codes are declared, which makes nothing throw them. */
const DECLARING = ['src/core/error-catalogue.ts', 'src/core/service-errors.ts'];

const codes = Object.keys(ERROR_CATALOGUE);

test('every error is expected by a test: by its code, or by a pattern of what is printed', async () => {
  assert.ok(codes.length > 80);
  const files = await readSourceFiles('src', 'test');
  const suites = files.filter(({ path }) => isSuite(path) && path !== `test/${basename(import.meta.filename)}`);
  const expected = suites.map(({ code }) => code).join('\n');
  const inPattern = (code: string): string => code.replaceAll('.', '\\.');
  assert.deepEqual(
    codes.filter((code) => !expected.includes(`'${code}'`) && !expected.includes(inPattern(code))),
    UNTESTED,
  );
});

test('every error of the catalogue is thrown by something', async () => {
  const files = await readSourceFiles('src');
  const product = files.filter(({ path }) => !isSuite(path) && !DECLARING.includes(path));
  const code = product.map((file) => file.code).join('\n');
  assert.deepEqual(
    codes.filter((each) => !code.includes(`'${each}'`)),
    [],
  );
});
