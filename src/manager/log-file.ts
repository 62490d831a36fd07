import { closeSync, openSync, writeSync } from 'node:fs';
import { AppError, messageOf } from '../core/errors.ts';

/** Lines appended to a file, each with its time. Written at once: what was said before a kill is there. */
export interface LogFile extends Disposable {
  write(line: string): void;
}

/** Throws `usage.invalid` where the file cannot be written. `onFailure` is told once where a later line cannot. */
export const openLogFile = (path: string, onFailure: (text: string) => void): LogFile => {
  const file = openOrRefuse(path);
  let failed = false;
  return {
    write: (line) => {
      try {
        writeSync(file, `${new Date().toISOString()} ${line}`);
        failed = false;
      } catch (error) {
        // A full disk of logs is no reason to end a migration.
        if (!failed) onFailure(`The log file ${path} cannot be written: ${messageOf(error)}`);
        failed = true;
      }
    },
    [Symbol.dispose]: () => closeSync(file),
  };
};

const openOrRefuse = (path: string): number => {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new AppError('usage.invalid', `--log-file ${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      remedy: 'Name a file in a folder that exists and can be written to.',
    });
  }
};
