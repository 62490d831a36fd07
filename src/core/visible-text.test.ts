import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visibleLines, visibleText } from './visible-text.ts';

test('what cannot be seen is shown, the rest stays', () => {
  assert.equal(visibleText('sha256:0873c/ä 文書 🎉'), 'sha256:0873c/ä 文書 🎉');
  assert.equal(visibleText('a\u001B[2Jb\n\u202Egpj.exe\u0000'), 'a\\u{1B}[2Jb\\u{A}\\u{202E}gpj.exe\\u{0}');
});

test('lines stay lines', () => {
  assert.equal(visibleLines('a\n\u0007b\r\n'), 'a\n\\u{7}b\\u{D}\n');
});
