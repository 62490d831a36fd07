import assert from 'node:assert/strict';
import test from 'node:test';
import { createLog } from '../core/log.ts';
import { createProgressLog } from './progress-log.ts';

test('a line now and then, with what is done, how fast, and how long it may still take', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const report = createProgressLog(
    createLog({ write: (line) => lines.push(line.replace(/^.*\[INFO\] /, '').trim()), debug: false }),
    () => nowMs,
  );
  report({ type: 'planned', documents: 1000, bytes: 0, done: 0 });
  for (let i = 0; i < 30; i++) {
    nowMs += 1000;
    report({ type: 'copied', documents: 10, bytes: 1024 * 1024 });
  }
  assert.deepEqual(lines, [
    'Copied 100 of 1000 documents, 10.0 MiB, 10 documents/s, about 2 min left',
    'Copied 200 of 1000 documents, 20.0 MiB, 10 documents/s, about 2 min left',
    'Copied 300 of 1000 documents, 30.0 MiB, 10 documents/s, about 2 min left',
  ]);
  nowMs += 60_000;
  report({ type: 'cleaned', documents: 7 });
  report({ type: 'cleaned', documents: 7 });
  assert.deepEqual(lines.slice(3), ['Cleaned 7 documents from the source']);
});
