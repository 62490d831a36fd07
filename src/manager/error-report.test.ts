import assert from 'node:assert/strict';
import test from 'node:test';
import { ERROR_CATALOGUE, type ErrorCode } from '../core/error-catalogue.ts';
import { AppError } from '../core/errors.ts';
import { registerSecret } from '../core/secrets.ts';
import { reportError } from './error-report.ts';
import { exitCodeOf } from './exit-code.ts';

const calm = new AbortController().signal;
const aborted = AbortSignal.abort();

test('every code of the catalogue has its exit code', () => {
  for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[])
    assert.equal(exitCodeOf(new AppError(code, 'text')), ERROR_CATALOGUE[code].exit, code);
});

test('what an abort broke off is an interruption; a defect without one is not', () => {
  assert.equal(exitCodeOf(new DOMException('x', 'AbortError')), 130);
  assert.equal(exitCodeOf(new Error('anything'), aborted), 130);
  assert.equal(exitCodeOf(new AppError('internal', 'x'), aborted), 130);
  assert.equal(exitCodeOf(new AppError('store.full', 'x'), aborted), 4);
  assert.equal(exitCodeOf(new TypeError('x')), 1);
});

test('an error is one block: sentence, code, remedy', () => {
  const { text, exit, json } = reportError(new AppError('refused.by-person', 'Nothing was done'), {
    debug: false,
    signal: calm,
  });
  assert.equal(exit, 3);
  assert.equal(
    text,
    'Error: Nothing was done.\n  code:   refused.by-person\n  remedy: Run the command again and answer y, or give --dontask.\n',
  );
  assert.deepEqual(json.error.code, 'refused.by-person');
});

test('no registered secret is told, in the causes that --debug adds neither', () => {
  registerSecret('a-very-secret-word');
  const error = new AppError('store.failed', 'got a-very-secret-word', { cause: new Error('sent a-very-secret-word') });
  const { text, json } = reportError(error, { debug: true, signal: calm });
  assert.doesNotMatch(text + JSON.stringify(json), /a-very-secret-word/);
  assert.match(text, /caused by Error: sent \*\*\*\*/);
});

test('an interruption is told as one', () => {
  const { text, exit } = reportError(new Error('socket closed'), { debug: false, signal: aborted });
  assert.equal(exit, 130);
  assert.match(text, /code: {3}interrupted/);
});
