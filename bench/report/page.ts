import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { REPOSITORY } from '../../test/support/source-files.ts';
import type { KeptResult } from '../result.ts';
import { ROWS } from '../rows/catalogue.ts';
import { growthLines } from '../rows/growth.ts';
import { drawGrowth } from './growth-plot.ts';
import { renderCpu, renderGrowth } from './sections.ts';
import { renderContenders, renderMachine, renderOthers, renderTargets } from './tables.ts';

const PAGE = join(REPOSITORY, 'docs/performance.md');
const PLOT = join(REPOSITORY, 'docs/performance-growth.svg');

/** Puts a text between `<!-- bench:NAME -->` and `<!-- bench:end -->`. Throws where the page has no such place. */
export const fillPlace = (page: string, name: string, text: string): string => {
  const open = `<!-- bench:${name} -->`;
  const close = '<!-- bench:end -->';
  const from = page.indexOf(open);
  const to = page.indexOf(close, from);
  if (from < 0 || to < 0) throw new Error(`the page has no place ${open} ... ${close}`);
  return `${page.slice(0, from + open.length)}\n\n${text}\n\n${page.slice(to)}`;
};

/** Writes the figures into `docs/performance.md`, whose own text stays, and draws the plot where there is something to draw. */
export const writePage = async (kept: readonly KeptResult[]): Promise<void> => {
  const order = ROWS.map(({ name }) => name);
  const results = kept.toSorted((a, b) => order.indexOf(a.row) - order.indexOf(b.row));
  const lines = growthLines(
    results.filter(({ row }) => row.startsWith('growth-')).flatMap(({ contenders }) => contenders),
  );
  let page = await readFile(PAGE, 'utf8');
  for (const [name, text] of [
    ['machine', renderMachine(results)],
    ['targets', renderTargets(results)],
    ['others', renderOthers(results)],
    ['growth', renderGrowth(lines, basename(PLOT))],
    ['profile', renderCpu(results)],
    ['contenders', renderContenders(results)],
  ] as const)
    page = fillPlace(page, name, text);
  await writeFile(PAGE, page);
  if (lines.length > 0) await writeFile(PLOT, drawGrowth(lines));
  else await rm(PLOT, { force: true });
};
