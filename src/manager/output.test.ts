import assert from 'node:assert/strict';
import test from 'node:test';
import { registerSecret } from '../core/secrets.ts';
import { createOutput } from './output.ts';

const printed = (json: boolean): { lines: string[]; output: ReturnType<typeof createOutput> } => {
  const lines: string[] = [];
  return { lines, output: createOutput((text) => void lines.push(text), json) };
};

test('for a person: text, with one end of line', () => {
  const { lines, output } = printed(false);
  output.text('one');
  output.text('two\n');
  output.object({ three: 3 });
  assert.deepEqual(lines, ['one\n', 'two\n']);
});

test('for a program: one object a line, in which secrets are hidden however they would be quoted', () => {
  registerSecret('quo"ted\\secret');
  registerSecret('true');
  const { lines, output } = printed(true);
  output.text('one');
  output.object({ good: true, text: 'has quo"ted\\secret in it' });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ good: true, text: 'has **** in it' }],
  );
});
