import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CATALOGUE } from './error-catalogue.ts';
import type { ErrorDescription } from './error-description.ts';

/** Tells a person nothing that they could do. */
const EMPTY_WORDS =
  /^(?:See|Check|Read|Correct|Look at) (?:the |its |both|it\b)?(?:message|reason|report|error|log|cause|code)?\.$/;

test('each error says what happened in a sentence, and what can be done about it', () => {
  for (const [code, { meaning, remedy }] of Object.entries<ErrorDescription>(ERROR_CATALOGUE)) {
    for (const sentence of [meaning, remedy]) assert.match(sentence, /^[A-Z-].*\.$/, code);
    assert.doesNotMatch(remedy, EMPTY_WORDS, code);
    assert.ok(remedy.split(' ').length >= 5, `${code}: ${remedy}`);
  }
});
