import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerError } from './failed-answer.ts';

const answer = (status: number, text = '', retryAfter?: string) =>
  answerError({ what: 'GET http://h/v1', status, text, requestId: undefined, location: undefined, retryAfter });

/** Of a service that says no code of its own, such as the original or a proxy in between. */
test('a status alone tells the error', () => {
  const expected = [
    [400, 'request.invalid', false],
    [401, 'request.unauthorized', false],
    [403, 'request.forbidden', false],
    [404, 'request.not-found', false],
    [408, 'request.timeout', true],
    [409, 'request.conflict', false],
    [413, 'request.too-large', false],
    [429, 'request.too-many', true],
    [500, 'service.failed', false],
    [502, 'service.unavailable', true],
    [503, 'service.unavailable', true],
    [504, 'service.timeout', true],
  ] as const;
  for (const [status, code, retryable] of expected) {
    const error = answer(status);
    assert.deepEqual([error.code, error.retryable], [code, retryable], String(status));
    assert.match(error.message, new RegExp(`HTTP ${status}$`));
  }
});

test('the code and the words of the service win; a wait that it asks for is kept', () => {
  const body = { message: 'later', detail: { error_codes: ['unheard-of', 'store.full'], remedy: 'Free room.' } };
  const error = answer(503, JSON.stringify(body), '7');
  assert.deepEqual(
    [error.code, error.message, error.remedy, error.retryAfterMs],
    ['store.full', 'later', 'Free room.', 7000],
  );
});
