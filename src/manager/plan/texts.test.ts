import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { AppError } from '../../core/errors.ts';
import { findDifferences } from './differences.ts';
import { exitOf, Problems } from './problems.ts';
import { readableRange } from './readable-time.ts';
import { JOURNAL_BYTES, refuseFull } from './space.ts';
import { shorten, wrapText } from '../wrap-text.ts';

test('times as a person says them', () => {
  const cases: readonly (readonly [low: number, likely: number, high: number, text: string])[] = [
    [0.1, 0.2, 0.3, 'less than 1 s'],
    [0.1, 0.5, 3, 'up to 3 s'],
    [0.1, 2, 4, 'about 2 s (0 s to 4 s)'],
    [30, 45, 80, 'about 45 s (30 s to 80 s)'],
    [60, 100, 200, 'about 1.7 min (60 s to 3.3 min)'],
    [3_000, 7_200, 100_000, 'about 2 h (50 min to 28 h)'],
  ];
  for (const [low, likely, high, text] of cases) assert.equal(readableRange({ low, likely, high }), text);
});

test('lines keep to the width, and a longer word stands alone', () => {
  const lines = wrapText(`${'word '.repeat(40)}${'x'.repeat(90)} end`, '    ');
  assert.ok(lines.slice(0, -2).every((line) => line.startsWith('    word') && line.length <= 79));
  assert.deepEqual(lines.slice(-2), [`    ${'x'.repeat(90)}`, '    end']);
  assert.equal(shorten('a'.repeat(50) + 'b'.repeat(50), 20), `${'a'.repeat(12)}...${'b'.repeat(5)}`);
  assert.equal(shorten('short', 20), 'short');
});

test('what differs between two sections, by key', () => {
  const one = { compression: { enabled: false }, storage_driver: { name: 'db', config: {} } };
  const other = { compression: { enabled: true }, storage_driver: { name: 's3', config: { secret_key: '****' } } };
  assert.deepEqual(findDifferences(one, other), [
    { key: 'compression.enabled', from: false, to: true },
    { key: 'storage_driver.name', from: 'db', to: 's3' },
    { key: 'storage_driver.config.secret_key', from: null, to: '****' },
  ]);
  assert.deepEqual(findDifferences(one, one), []);
});

test('too little room is a problem; a store that does not say has none', () => {
  const space = { neededBytes: 2_000, freeBytes: 1_000, journalBytes: 0, freedBytes: 0, freedHow: '' };
  assert.throws(
    () => refuseFull(space, 'folder /a'),
    /folder \/a has 1000 bytes free, and the copies need about 2\.0 KiB/,
  );
  refuseFull({ ...space, freeBytes: 2_000 }, 'folder /a');
  refuseFull({ ...space, freeBytes: null }, 'folder /a');
});

test('the runbook says of the journal what plan reckons with', async () => {
  const page = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const said = /needs some\s+(\d+) KB a document for the journal/.exec(page)?.[1];
  assert.equal(Number(said) * 1_000, JOURNAL_BYTES);
});

test('problems are gathered once each, and decide the exit', async () => {
  const problems = new Problems(new AbortController().signal);
  const failing = (code: 'store.denied' | 'refused.same-store') => async (): Promise<void> => {
    throw new AppError(code, code);
  };
  assert.equal(exitOf(problems.list()), 0);
  await problems.attempt(failing('store.denied'), 'warn');
  assert.equal(exitOf(problems.list()), 0);
  await problems.attempt(failing('store.denied'));
  await problems.attempt(failing('store.denied'));
  assert.deepEqual([problems.list().length, exitOf(problems.list())], [1, 4]);
  await problems.attempt(failing('refused.same-store'));
  assert.equal(exitOf(problems.list()), 3);
  await assert.rejects(
    problems.attempt(() => Promise.reject(new Error('a defect'))),
    { code: 'internal' },
  );
});

test('an interruption is no problem of the plan, but its end', async () => {
  const controller = new AbortController();
  controller.abort(new AppError('interrupted', 'stopped'));
  const problems = new Problems(controller.signal);
  await assert.rejects(
    problems.attempt(() => Promise.reject(new AppError('store.timeout', 'late'))),
    { code: 'interrupted' },
  );
});
