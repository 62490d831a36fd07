import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Screen, type ScreenStream } from './screen.ts';

/** What a terminal of this many columns shows after text with the few controls that the screen uses. */
const showOn = (text: string, columns: number): readonly string[] => {
  let rows: string[] = [''];
  let row = 0;
  let column = 0;
  for (const [part, count] of text.matchAll(/\u001B\[(\d*)([AJ])|[\s\S]/g)) {
    if (part.endsWith('A') && part.startsWith('\u001B')) row = Math.max(0, row - Number(count));
    else if (part === '\u001B[J') rows = [...rows.slice(0, row), (rows[row] ?? '').slice(0, column)];
    else if (part === '\r') column = 0;
    else if (part === '\n') {
      row += 1;
      column = 0;
      rows[row] ??= '';
    } else {
      if (column === columns) [row, column] = [row + 1, 0];
      rows[row] = `${(rows[row] ?? '').padEnd(column).slice(0, column)}${part}`;
      column += 1;
    }
  }
  return rows;
};

const open = (
  columns: number,
): { screen: Screen; stream: ScreenStream; text: () => string; resize: (to: number) => void } => {
  const written: string[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 24 });
  stream.write = (chunk: unknown) => {
    written.push(String(chunk));
    return true;
  };
  return {
    screen: new Screen(stream),
    stream,
    text: () => written.join(''),
    resize: (to) => {
      stream.columns = to;
      stream.emit('resize');
    },
  };
};

test('lines go above the frame, which stands at the end and is gone when it is cleared', async () => {
  const { screen, text } = open(40);
  screen.print('before\n');
  let frame = ['one', 'two'];
  screen.show(() => frame);
  screen.print('first\n');
  screen.print('second\n');
  await sleep(100);
  assert.deepEqual(showOn(text(), 40), ['before', 'first', 'second', 'one', 'two', '']);
  frame = ['only'];
  screen.refresh();
  assert.deepEqual(showOn(text(), 40), ['before', 'first', 'second', 'only', '']);
  screen.print('last');
  screen.clear();
  screen.print('after\n');
  assert.deepEqual(showOn(text(), 40), ['before', 'first', 'second', 'last', 'after', '']);
});

test('many lines cost few drawings', async () => {
  const { screen, text } = open(40);
  let drawn = 0;
  screen.show(() => [`frame ${(drawn += 1)}`]);
  for (let line = 0; line < 10_000; line += 1) screen.print(`line ${line}\n`);
  await sleep(100);
  assert.ok(drawn < 10, String(drawn));
  assert.equal(showOn(text(), 40).length, 10_002);
});

test('text that somebody else writes to the same terminal is left alone', () => {
  const { screen, stream, text } = open(40);
  screen.show(() => ['frame']);
  screen.print('mine\n');
  screen.aside(() => stream.write('theirs\n'));
  assert.deepEqual(showOn(text(), 40), ['mine', 'theirs', 'frame', '']);
});

test('a terminal that becomes narrower wraps the frame: all its rows are erased', () => {
  const { screen, text, resize } = open(40);
  screen.show((columns) => [`${'x'.repeat(columns - 1)}`]);
  const before = text();
  resize(15); // 39 characters are three rows of 15
  const change = text().slice(before.length);
  assert.ok(change.startsWith('\r\u001B[3A\u001B[J'), JSON.stringify(change));
  assert.ok(change.endsWith(`${'x'.repeat(14)}\n`));
});

test('a frame is no taller than the terminal', () => {
  const { screen, text } = open(40);
  screen.show(() => Array.from({ length: 100 }, (_, index) => `line ${index}`));
  assert.equal(text().split('\n').length - 1, 23);
});

test('what is no terminal gets the text as it comes', () => {
  const { screen, text } = open(40);
  screen.print('one\n');
  screen.refresh();
  screen.clear();
  assert.equal(text(), 'one\n');
});

test('a terminal that does not know its width is taken as one of 80 columns', () => {
  const { screen, text } = open(0);
  const widths: number[] = [];
  screen.show((columns) => {
    widths.push(columns);
    return ['one'];
  });
  screen.refresh();
  assert.deepEqual([widths, screen.columns], [[80, 80], 80]);
  assert.ok(!text().includes('Infinity'), text());
});
