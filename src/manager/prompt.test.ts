import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { isAppError } from '../core/errors.ts';
import { confirm } from './prompt.ts';

const never = new AbortController().signal;

const ask = async (
  typed: string | undefined,
  isTTY = true,
): Promise<{ agreed: boolean; shown: string; code?: string }> => {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = new PassThrough();
  if (typed === undefined) input.end();
  else input.write(typed);
  try {
    await confirm('Go on? (y/N)', { input, output }, never);
    return { agreed: true, shown: String(output.read()) };
  } catch (error) {
    assert.ok(isAppError(error), String(error));
    return { agreed: false, shown: String(output.read() ?? ''), code: error.code };
  }
};

test('y and yes agree, in any case', async () => {
  for (const answer of ['y\n', 'Y\n', 'yes\n', ' Yes \n', 'YES\r\n'])
    assert.equal((await ask(answer)).agreed, true, answer);
  assert.equal((await ask('y\n')).shown, 'Go on? (y/N)');
});

test('anything else refuses', async () => {
  for (const answer of ['\n', 'n\n', 'yep\n', 'no\ny\n', 'yy\n', 'ja\n']) {
    const result = await ask(answer);
    assert.deepEqual([result.agreed, result.code], [false, 'refused.by-person'], answer);
  }
});

test('the end of input refuses', async () => {
  assert.deepEqual(await ask(undefined), { agreed: false, shown: 'Go on? (y/N)\n', code: 'refused.by-person' });
});

test('without a terminal nothing is asked, whatever the input holds', async () => {
  assert.deepEqual(await ask('y\n', false), { agreed: false, shown: '', code: 'refused.by-person' });
});

test('a signal ends the question', async () => {
  const interruption = new AbortController();
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const asked = confirm('Go on? (y/N)', { input, output: new PassThrough() }, interruption.signal);
  interruption.abort();
  await assert.rejects(asked, (error) => isAppError(error, 'interrupted'));
});
