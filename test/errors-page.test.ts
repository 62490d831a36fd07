import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ERRORS_PAGE, renderErrorsPage } from '../scripts/errors-page.ts';

test('docs/errors.md has every error of the catalogue', async () => {
  assert.equal(await readFile(ERRORS_PAGE, 'utf8'), renderErrorsPage(), 'run: npm run docs:errors');
});
