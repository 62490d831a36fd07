import assert from 'node:assert/strict';
import test from 'node:test';
import { parseExactJson } from './json.ts';
import { indentedPythonJson, pythonJson } from './python-json.ts';

test('JSON as json.dumps prints it', () => {
  assert.equal(
    pythonJson({ a: 1, b: null, c: [true, 'x', { d: 1.5 }], e: {}, f: [] }),
    '{"a": 1, "b": null, "c": [true, "x", {"d": 1.5}], "e": {}, "f": []}',
  );
  assert.equal(pythonJson('ü "quoted" \n 😀 \u007f'), '"\\u00fc \\"quoted\\" \\n \\ud83d\\ude00 \\u007f"');
});

test('with an indentation and sorted keys, as anchore-cli prints it', () => {
  assert.equal(
    indentedPythonJson({ b: [1, { d: 'ü', c: null }], a: {}, e: [] }),
    `{
    "a": {},
    "b": [
        1,
        {
            "c": null,
            "d": "\\u00fc"
        }
    ],
    "e": []
}`,
  );
});

test('numbers stay as they were written', () => {
  const text = '{"a": [12345678901234567890, 1.0, 1e3, -0.5, 0]}';
  assert.equal(pythonJson(parseExactJson(text)), text);
});
