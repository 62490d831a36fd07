import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '../test/support/source-files.ts';
import type { Command } from './manager.ts';

const FOLDER = '.bench-build';

let built: Promise<Command> | undefined;

/** The program as it is published, compiled once a process. It lies where it finds the packages that it needs. */
export const getCompiledManager = (): Promise<Command> => {
  built ??= (async () => {
    await promisify(execFile)(process.execPath, [join(REPOSITORY, 'scripts/build.ts'), FOLDER], { cwd: REPOSITORY });
    return [process.execPath, '--disable-warning=ExperimentalWarning', join(REPOSITORY, FOLDER, 'manager/main.js')];
  })();
  return built;
};
