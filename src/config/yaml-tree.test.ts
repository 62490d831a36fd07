import assert from 'node:assert/strict';
import test from 'node:test';
import { isAppError } from '../core/errors.ts';
import { type ConfigMap, type ConfigNode, parseYamlTree } from './yaml-tree.ts';

const parse = (text: string, environment: Record<string, string> = {}): ConfigMap => {
  const node = parseYamlTree('c.yaml', text, environment);
  assert.equal(node.kind, 'map');
  return node as ConfigMap;
};

const at = (node: ConfigNode | undefined, ...path: readonly string[]): ConfigNode | undefined =>
  path.reduce<ConfigNode | undefined>(
    (parent, key) => (parent?.kind === 'map' ? parent.entries.get(key) : undefined),
    node,
  );

const valueAt = (node: ConfigNode, ...path: readonly string[]): unknown => {
  const found = at(node, ...path);
  return found?.kind === 'scalar' ? found.value : found;
};

const messageOf = (text: string, environment: Record<string, string> = {}): string => {
  try {
    parseYamlTree('c.yaml', text, environment);
  } catch (error) {
    assert.ok(isAppError(error, 'config.invalid'), String(error));
    return error.message;
  }
  throw new Error('no error');
};

test('scalars are read as PyYAML reads them', () => {
  const tree = parse('a: yes\nb: off\nc: y\nd: 0123\ne: ~\nf:\ng: "true"\nh: 1_000\ni: 3.5\nj: N\nk: 1e5\nl: 1.5e+3\n');
  assert.equal(valueAt(tree, 'a'), true);
  assert.equal(valueAt(tree, 'b'), false);
  assert.equal(valueAt(tree, 'c'), 'y');
  assert.equal(valueAt(tree, 'e'), null);
  assert.equal(valueAt(tree, 'f'), null);
  assert.equal(valueAt(tree, 'g'), 'true');
  assert.equal(valueAt(tree, 'h'), 1000);
  assert.equal(valueAt(tree, 'j'), 'N');
  assert.equal(valueAt(tree, 'k'), '1e5');
  assert.equal(valueAt(tree, 'l'), 1500);
  const number = at(tree, 'd');
  assert.ok(number?.kind === 'scalar' && number.text === '0123');
});

test('merge keys work; what stands in the map itself wins, the first of several merged maps too', () => {
  const tree = parse('a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: own\nd: {<<: *a}\ne: *b\n');
  assert.deepEqual(
    ['x', 'y', 'z'].map((key) => valueAt(tree, 'c', key)),
    ['own', 2, 4],
  );
  assert.equal(valueAt(tree, 'd', 'y'), 2);
  assert.equal(valueAt(tree, 'e', 'z'), 4);
});

test('of a repeated key the last one counts', () => {
  assert.equal(valueAt(parse('a: 1\na: 2\n'), 'a'), 2);
});

test('a closing bracket may stand as far left as its key', () => {
  assert.equal(valueAt(parse('a:\n  b: {\n    c: 1\n  }\n'), 'a', 'b', 'c'), 1);
});

test('lines are those of the file as it is written, also behind variables of several lines', () => {
  const tree = parse('a: ${M}\nb:\n  c: 1\n', { M: '{x: 1,\n y: 2,\n z: 3}' });
  assert.equal(at(tree, 'b', 'c')?.line, 3);
  assert.equal(at(tree, 'a', 'z')?.line, 1);
});

test('a value that is one variable alone remembers it', () => {
  const tree = parse('a: ${A}\nb: "${A}"\nc: x${A}\nd: v\n', { A: 'value' });
  const references = ['a', 'b', 'c', 'd'].map((key) => {
    const node = at(tree, key);
    return node?.kind === 'scalar' ? node.reference : '';
  });
  assert.deepEqual(references, ['${A}', '${A}', undefined, undefined]);
});

test('an unset variable is known to the value that names it, not to a comment', () => {
  const tree = parse('# ${IN_COMMENT}\na: x${GONE}\nb: 1 # ${GONE}\n');
  const node = at(tree, 'a');
  assert.ok(node?.kind === 'scalar');
  assert.deepEqual(node.unset, ['GONE']);
  const other = at(tree, 'b');
  assert.ok(other?.kind === 'scalar' && other.unset.length === 0);
});

test('a damaged file is told with its line and never with its text', () => {
  for (const text of [
    'a: 1\npassword: "s3cret\n',
    'a: 1\npassword: *s3cret\n',
    'a: 1\npassword: @s3cret\n',
    'a: 1\npassword: s3cret: b\n',
    'a: 1\n\tpassword: s3cret\n b\n',
  ]) {
    const message = messageOf(text);
    assert.match(message, /^c\.yaml:[23]: expected /, text);
    assert.doesNotMatch(message, /s3cret/);
  }
  assert.equal(messageOf('a: 1\n---\nb: 2\n'), 'c.yaml:2: expected one document only');
});

test('a file that refers to itself, or nests without end, ends in an error', () => {
  assert.match(messageOf('a: &a\n  b: *a\n'), /^c\.yaml:2: expected an alias/);
  assert.match(messageOf(`a: ${'['.repeat(60)}${']'.repeat(60)}`), /does not contain itself/);
});

test('aliases that multiply do not cost memory', () => {
  const lines = ['a0: &a0 {k: v}'];
  for (let i = 1; i <= 40; i++) lines.push(`a${i}: &a${i} {x: *a${i - 1}, y: *a${i - 1}}`);
  assert.equal(parse(lines.join('\n')).entries.size, 41);
});
