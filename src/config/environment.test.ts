import assert from 'node:assert/strict';
import test from 'node:test';
import { expandEnvironment, parseEnvironmentFile } from './environment.ts';

test('a variable in braces is replaced wherever it stands, several times', () => {
  const { text, unset } = expandEnvironment('a: ${ANCHORE_A}\nb: "x${ANCHORE_B}y${ANCHORE_A}"\n', {
    ANCHORE_A: '1',
    ANCHORE_B: 'two',
  });
  assert.equal(text, 'a: 1\nb: "xtwoy1"\n');
  assert.deepEqual(unset, []);
});

test('what is not a variable in braces stays as it is', () => {
  const text = 'p: pa$$word$HOME ${} ${1A} $(x) ${A-b} {HOME}';
  assert.equal(expandEnvironment(text, { HOME: '/root' }).text, text);
});

test('a value is not expanded again', () => {
  assert.equal(expandEnvironment('${A}', { A: '${B}', B: 'no' }).text, '${B}');
});

test('an unset variable stays and is reported with its place; an empty one is set', () => {
  const { text, unset } = expandEnvironment('x${EMPTY}y ${MISSING}', { EMPTY: '' });
  assert.equal(text, 'xy ${MISSING}');
  assert.deepEqual(unset, [{ name: 'MISSING', offset: 11 }]);
});

test('places of the expanded text lead back to the original', () => {
  const original = 'one ${A} two ${B} three';
  const expanded = expandEnvironment(original, { A: 'a much longer text', B: '' });
  for (const word of ['one', 'two', 'three'])
    assert.equal(expanded.originalOffset(expanded.text.indexOf(word)), original.indexOf(word));
  assert.equal(expanded.originalOffset(expanded.text.indexOf('longer')), original.indexOf('${A}'));
});

test('a file of variables gives ANCHORE names alone, quotes taken off', () => {
  const found = parseEnvironmentFile('ANCHORE_A="one"\r\nANCHORE_B=\'two=2\'\nOTHER=3\nnonsense\nANCHORE_C=\n');
  assert.deepEqual(found, { ANCHORE_A: 'one', ANCHORE_B: 'two=2', ANCHORE_C: '' });
});
