import { relative, resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** What happened in one test file. */
interface FileReport {
  tests: number;
  readonly notRun: string[];
  readonly failures: string[];
  output: string;
}

export interface Report {
  add(event: TestEvent): void;
  /** Prints what failed and how many tests ran; whether all is well. */
  finish(): boolean;
}

/** The file that was started; a shared suite reports the file in which it is written as `file`. */
const entryFileOf = (data: { readonly file?: string | undefined }): string => {
  const entry: unknown = 'entryFile' in data ? data.entryFile : undefined;
  return typeof entry === 'string' ? entry : (data.file ?? '');
};

const indent = (text: string): string => text.replace(/^(?=.)/gm, '    ');

/** The test's own error: the runner wraps it in one that says only that a test failed. */
const describeError = (error: unknown): string => {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return indent(inspect(cause, { depth: 4 }));
};

/** Gathers what the runner says; `files` are the paths that were started. A file that never reported ran no test. */
export const createReport = (files: readonly string[], write: (text: string) => void): Report => {
  const startedAt = performance.now();
  const reports = new Map<string, FileReport>();
  for (const file of files) reports.set(resolve(file), { tests: 0, notRun: [], failures: [], output: '' });
  const reportOf = (file: string): FileReport => {
    const report = reports.get(resolve(file)) ?? { tests: 0, notRun: [], failures: [], output: '' };
    reports.set(resolve(file), report);
    return report;
  };

  const isFileItself = (data: { readonly name: string; readonly nesting: number }, file: string): boolean =>
    data.nesting === 0 && resolve(data.name) === resolve(file);

  /** Comes as soon as a test has ended; `test:fail` waits until all files before it have ended. */
  const addCompleted = ({ data }: TestEvent & { type: 'test:complete' }): void => {
    const file = entryFileOf(data);
    if (isFileItself(data, file)) return printFile(file, data.details.passed, data.details.duration_ms);
    const report = reportOf(file);
    if (data.details.type !== 'suite') report.tests += 1;
    if (data.skip !== undefined && data.skip !== false) report.notRun.push(`${data.name} (skipped)`);
    if (data.todo !== undefined && data.todo !== false) report.notRun.push(`${data.name} (todo)`);
  };

  const addFailed = ({ data }: TestEvent & { type: 'test:fail' }): void => {
    // A test fails when one in it failed, which reports itself.
    if ('failureType' in data.details.error && data.details.error.failureType === 'subtestsFailed') return;
    const file = entryFileOf(data);
    const name = isFileItself(data, file) ? 'the file itself' : data.name;
    const failure = `${name}\n${describeError(data.details.error)}`;
    reportOf(file).failures.push(failure);
    // Also at once, beside the file's own line: where only a part of a long output is kept, the reason is in either.
    write(`FAIL ${relative(process.cwd(), resolve(file))}: ${failure}\n`);
  };

  const printFile = (file: string, passed: boolean, durationMs: number): void => {
    const { tests, notRun } = reportOf(file);
    const mark = !passed || notRun.length > 0 || tests === 0 ? 'FAIL' : 'ok  ';
    write(`${mark} ${relative(process.cwd(), resolve(file))}  ${tests} tests, ${(durationMs / 1000).toFixed(1)} s\n`);
  };

  return {
    add: (event) => {
      if (event.type === 'test:complete') addCompleted(event);
      else if (event.type === 'test:fail') addFailed(event);
      else if (event.type === 'test:stdout' || event.type === 'test:stderr')
        reportOf(entryFileOf(event.data)).output += event.data.message;
    },
    finish: () => {
      let tests = 0;
      let problems = 0;
      for (const [file, report] of reports) {
        tests += report.tests;
        const problemsHere = [
          ...report.failures.map((failure) => `FAILED ${failure}`),
          ...report.notRun.map((name) => `NOT RUN ${name}`),
          ...(report.tests === 0 ? ['NO TEST RAN'] : []),
        ];
        problems += problemsHere.length;
        for (const problem of problemsHere) write(`\n${relative(process.cwd(), file)}: ${problem}\n`);
        if (problemsHere.length > 0 && report.output !== '') write(`  its output:\n${indent(report.output)}\n`);
      }
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      write(
        `\n${tests} tests ran in ${reports.size} files in ${seconds} s, ${problems === 0 ? 'all passed' : `${problems} problems`}\n`,
      );
      return problems === 0 && tests > 0;
    },
  };
};
