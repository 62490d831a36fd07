import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapBlock } from './wrap-text.ts';

const COMMAND = '     anchore-manager archivestorage --configfile /anchore/config/config.yaml clean 1 --reclaim';

const BLOCK = `Error: a sentence that is longer than the line of a terminal of forty columns.
  code:   store.denied
  remedy: Grant the permission that is named, then run it again.

from:         folder /anchore/documents of the archive
  2 document.wrong-size: The bytes at the source are longer.
  3. Make a new backup of the database: those from before no longer match:
${COMMAND}`;

test('lines that a terminal would break within a word are broken at their spaces, under where they began', () => {
  assert.equal(
    wrapBlock(BLOCK, 40),
    `Error: a sentence that is longer than
       the line of a terminal of forty
       columns.
  code:   store.denied
  remedy: Grant the permission that is
          named, then run it again.

from:         folder /anchore/documents
              of the archive
  2 document.wrong-size: The bytes at
    the source are longer.
  3. Make a new backup of the database:
     those from before no longer match:
${COMMAND}`,
  );
});

test('what goes elsewhere than to a terminal stays as it is', () => {
  assert.equal(wrapBlock(BLOCK, undefined), BLOCK);
  assert.equal(wrapBlock(BLOCK, 200), BLOCK);
});
