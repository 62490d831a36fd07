import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isAppError } from '../../core/errors.ts';
import { archiveIdOf, fileNameOf } from './file-name.ts';

test('the name of a file leads back to the archive id, and stays inside of its folder', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (id) => {
      fc.pre(id.isWellFormed());
      const name = fileNameOf(id);
      assert.doesNotMatch(name, /^\.|[/\\\u0000]/);
      assert.equal(archiveIdOf(name), id);
    }),
    { seed: 20 },
  );
  assert.equal(fileNameOf('sha256:0873'), 'sha256:0873');
});

test('what has no name, or no id', () => {
  assert.throws(
    () => fileNameOf('x'.repeat(256)),
    (error) => isAppError(error, 'usage.invalid'),
  );
  assert.throws(
    () => archiveIdOf('100%'),
    (error) => isAppError(error, 'usage.invalid'),
  );
});
