import { execFile } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { REPOSITORY } from '../test/support/source-files.ts';
import type { Machine } from './result.ts';

export const describeMachine = (postgres: string): Machine => ({
  processors: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryBytes: totalmem(),
  kernel: `Linux ${release()}`,
  node: process.version,
  postgres,
});

/** The revision of the sources, with `+` where they were changed since; `unknown` outside of a checkout. */
export const findRevision = async (): Promise<string> => {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', args, { cwd: REPOSITORY })).stdout.trim();
  try {
    const changed = await git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'package-lock.json');
    return `${await git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
};
