import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { AppError, messageOf } from '../../core/errors.ts';

/** What stands for standard input in the place of a file. */
export const STANDARD_INPUT = '-';

/** The whole content of a file, or of standard input. Throws `usage.invalid` with the path. */
export const readInput = async (file: string, stdin: Readable): Promise<Buffer> => {
  try {
    return file === STANDARD_INPUT ? await buffer(stdin) : await readFile(file);
  } catch (cause) {
    throw new AppError('usage.invalid', `${file}: ${messageOf(cause)}`, {
      cause,
      remedy: 'Name a file that can be read, or - for standard input.',
    });
  }
};
