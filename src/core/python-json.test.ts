import assert from 'node:assert/strict';
import test from 'node:test';
import { pythonJson } from './python-json.ts';

test('JSON as json.dumps prints it', () => {
  assert.equal(
    pythonJson({ a: 1, b: null, c: [true, 'x', { d: 1.5 }], e: {}, f: [] }),
    '{"a": 1, "b": null, "c": [true, "x", {"d": 1.5}], "e": {}, "f": []}',
  );
  assert.equal(pythonJson('ü "quoted" \n 😀 \u007f'), '"\\u00fc \\"quoted\\" \\n \\ud83d\\ude00 \\u007f"');
});
