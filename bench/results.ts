import { glob, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../test/support/source-files.ts';
import type { KeptResult } from './result.ts';

/** Those of the page, and beside them those of quick runs, which are nobody's record. */
const resultsFolder = (mode: KeptResult['mode']): string =>
  join(REPOSITORY, 'bench/results', ...(mode === 'quick' ? ['quick'] : []));

/** Each row as soon as it is measured, so that an interrupted run keeps what it has. */
export const keepResult = async (result: KeptResult): Promise<void> => {
  const folder = resultsFolder(result.mode);
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${result.row}.json`);
  await writeFile(`${file}.new`, `${JSON.stringify(result, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
};

export const readResults = async (mode: KeptResult['mode']): Promise<readonly KeptResult[]> => {
  const folder = resultsFolder(mode);
  const files = await Array.fromAsync(glob('*.json', { cwd: folder }));
  return Promise.all(files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as KeptResult));
};
