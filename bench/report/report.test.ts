import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { judge, type KeptResult } from '../result.ts';
import { drawGrowth } from './growth-plot.ts';
import { fillPlace } from './page.ts';
import { renderCpu, renderGrowth } from './sections.ts';
import { renderContenders, renderOthers, renderTargets } from './tables.ts';

const RESULT: KeptResult = {
  row: 'db-db2',
  title: 'db -> db2',
  mode: 'full',
  revision: 'abc1234',
  machine: { processors: 'CPU', cores: 2, memoryBytes: 2 ** 34, kernel: 'Linux 6', node: 'v24', postgres: '18' },
  servers: ['versitygw v1.8.0'],
  loadAverage: [0.1, 1.5],
  conditions: { documents: 100, concurrencyOfBareRequests: 16 },
  contenders: [
    { name: 'one', samples: [{ wallSeconds: 2, documents: 100, peakMemoryBytes: 150e6 }] },
    { name: 'other', samples: [{ wallSeconds: 1, documents: 100, bytes: 5e6, cpuSeconds: 0.25 }] },
  ],
  claims: [
    { what: 'short', target: { bound: 'at least', value: 0.4 }, unit: 'x', values: [0.3, 0.5, 0.2] } as const,
    { what: 'reached', target: { bound: 'at most', value: 60 }, unit: 's', values: [12.34] } as const,
    { what: 'for its own sake', unit: 'MB/s', values: [1234.5] } as const,
  ].map(judge),
};

describe('the page of the benchmark', () => {
  test('a claim that falls short stays in the table as such', () => {
    const [, , short, reached, ...rest] = renderTargets([RESULT]).split('\n');
    assert.equal(short, '| short | at least 0.40 x | 0.30 x [0.20 .. 0.50] | 3 | **NOT met** | `db-db2` |');
    assert.equal(reached, '| reached | at most 60.0 s | 12.3 s | 1 | met | `db-db2` |');
    assert.deepEqual(rest, []);
  });

  test('what has no target is told apart', () => {
    assert.match(renderOthers([RESULT]), /^\| for its own sake \| 1235 MB\/s \| 1 \| `db-db2` \|$/m);
  });

  test('every contender is there, with what was measured of it', () => {
    const text = renderContenders([RESULT]);
    assert.match(text, /^\| one \| 1 \| 2\.00 s \| 50\.0 \| {2}\| {2}\| 150 MB \|$/m);
    assert.match(text, /^\| other \| 1 \| 1\.00 s \| 100 \| 5\.00 \| 0\.25 s \| {2}\|$/m);
    assert.match(
      text,
      /versitygw v1\.8\.0; documents 100, concurrency of bare requests 16; load before and after 0\.10, 1\.50/,
    );
  });

  test('a place of the page is filled again and again', () => {
    const page = 'a\n<!-- bench:x -->\n<!-- bench:end -->\nb\n<!-- bench:y -->\n<!-- bench:end -->\nc\n';
    const once = fillPlace(fillPlace(page, 'y', 'two'), 'x', 'one');
    assert.equal(fillPlace(once, 'x', 'one'), once);
    assert.match(
      once,
      /a\n<!-- bench:x -->\n\none\n\n<!-- bench:end -->\nb\n<!-- bench:y -->\n\ntwo\n\n<!-- bench:end -->\nc/,
    );
    assert.throws(() => fillPlace(page, 'z', ''), /no place/);
  });

  test('nothing is said, and no file is linked, of what was not measured', () => {
    assert.equal(renderGrowth([], 'plot.svg'), 'Not measured yet: `npm run bench -- --full --only growth`.');
    assert.equal(renderCpu([RESULT]), 'Not measured yet: `npm run bench -- --full --only profile`.');
  });

  test('how often each size was run is said beside the plot', () => {
    const points = [5, 2, 1].map((runs, index) => ({ documents: 10_000 * 10 ** index, seconds: 1, runs }));
    const text = renderGrowth([{ name: 'db -> db2', points }], 'plot.svg');
    assert.match(text, /^Whole migrations of 10,000 to 1,000,000 documents/);
    assert.match(text, /^Runs by number of documents: 10,000: 5; 100,000: 2; 1,000,000: 1\.$/m);
    assert.match(text, /\(plot\.svg\)$/);
  });

  test('a profile comes with what it is, and why what it shows stays', () => {
    const profile = {
      busySeconds: 2,
      idleSeconds: 1,
      categories: [{ category: 'garbage collection', seconds: 2 } as const],
      functions: [],
    };
    const text = renderCpu([{ ...RESULT, profile }]);
    for (const part of [
      /^A migration under `node --cpu-prof`/,
      /^\| garbage collection \| 2\.00 \|/m,
      /^What is left, and why it stays:$/m,
    ])
      assert.match(text, part);
  });

  test('the page has every place, and links no plot that is not there', async () => {
    const page = await readFile(new URL('../../docs/performance.md', import.meta.url), 'utf8');
    for (const name of ['machine', 'targets', 'growth', 'others', 'profile', 'contenders']) fillPlace(page, name, '');
    for (const [, file = ''] of page.matchAll(/\]\((performance[^)]*\.svg)\)/g))
      assert.ok(existsSync(new URL(`../../docs/${file}`, import.meta.url)), file);
  });

  test('the plot has a line for each destination, and proportional growth is a straight one', () => {
    const svg = drawGrowth([
      {
        name: 'db -> db2',
        points: [1_000, 10_000, 100_000].map((documents) => ({ documents, seconds: documents / 1_000, runs: 1 })),
      },
      { name: 'a < b', points: [{ documents: 1_000, seconds: 3, runs: 1 }] },
    ]);
    const [line] = [...svg.matchAll(/class="line"[^>]*points="([^"]*)"/g)].map((match) => match[1] ?? '');
    const slopes = (line ?? '').split(' ').map((point) => point.split(',').map(Number));
    assert.equal(slopes.length, 3);
    const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = slopes;
    assert.ok(Math.abs((y1 - y0) / (x1 - x0) - (y2 - y1) / (x2 - x1)) < 0.01);
    assert.match(svg, />a &lt; b, 3\.0 s</);
    assert.match(svg, /prefers-color-scheme: dark/);
  });
});
