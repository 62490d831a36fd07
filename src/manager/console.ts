import { createLog, type Level, type Log } from '../core/log.ts';
import type { ErrorReport } from './error-report.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { createOutput, type Output } from './output.ts';
import { columnsOf, Screen, type ScreenStream } from './screen.ts';
import { wrapBlock } from './wrap-text.ts';

/** How much is said, and where. */
export interface ConsoleOptions {
  readonly debug: boolean;
  readonly json: boolean;
  /** Only errors and results. */
  readonly quiet: boolean;
  /** Log lines go there instead of the screen, which keeps warnings and errors. */
  readonly logFile: string | undefined;
}

/** All that a command says: log lines and the live view to standard error, results to standard output. */
export interface Console extends Disposable {
  readonly log: Log;
  readonly output: Output;
  readonly screen: Screen;
  readonly quiet: boolean;
  /** A line for the log file alone; nothing without one. */
  readonly note: ((line: string) => void) | undefined;
  /** Says why a command ends. */
  fail(report: ErrorReport): void;
}

/** Throws `usage.invalid` where the log file cannot be written. */
export const openConsole = (stdout: ScreenStream, stderr: ScreenStream, options: ConsoleOptions): Console => {
  const screen = new Screen(stderr);
  const file: LogFile | undefined =
    options.logFile === undefined ? undefined : openLogFile(options.logFile, (text) => screen.print(`${text}\n`));
  const isShown = (level: Level): boolean => {
    if (options.quiet) return level === 'ERROR';
    return file === undefined || level === 'WARN' || level === 'ERROR';
  };
  const note = file && ((line: string) => file.write(line));
  const columns = stdout.isTTY === true ? columnsOf(stdout) : undefined;
  const output = createOutput((text) => screen.aside(() => stdout.write(text)), options.json, columns);
  return {
    log: createLog({
      debug: options.debug,
      write: (line, level) => {
        note?.(line);
        if (isShown(level)) screen.print(line);
      },
    }),
    output,
    screen,
    quiet: options.quiet,
    note,
    fail: (report) => {
      note?.(report.text);
      screen.print(wrapBlock(report.text, screen.columns));
      output.object(report.json);
    },
    [Symbol.dispose]: () => {
      screen.clear();
      file?.[Symbol.dispose]();
    },
  };
};
