import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError, isAppError, messageOf } from '../../core/errors.ts';

/** Writes a file that is there whole or not at all; an older one stays until the new one is. Throws `usage.invalid` with the path. */
export const writeWholeFile = async (
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> => {
  const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.${randomUUID()}.part`);
  try {
    await pipeline(chunks, createWriteStream(temporary, { flags: 'wx' }), { signal });
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    if (signal.aborted) throw new AppError('interrupted', 'A signal stopped the command before it was done', { cause });
    if (isAppError(cause)) throw cause;
    throw new AppError('usage.invalid', `${file}: ${messageOf(cause)}`, {
      cause,
      remedy: 'Name a place that can be written to.',
    });
  }
};
