import { rename, rm, writeFile } from 'node:fs/promises';
import { AppError, messageOf } from '../../core/errors.ts';
import { redactText } from '../output.ts';
import type { MigrationReport } from './migration-report.ts';
import { renderHtml } from './render-html.ts';

/** A file's ending says what is written into it. */
const RENDERERS = new Map<string, (report: MigrationReport) => string>([
  ['.json', (report) => `${JSON.stringify(report, redactText, 2)}\n`],
  ['.html', renderHtml],
]);

const rendererOf = (file: string): ((report: MigrationReport) => string) => {
  const render = [...RENDERERS].find(([ending]) => file.toLowerCase().endsWith(ending))?.[1];
  if (render !== undefined) return render;
  throw new AppError('usage.invalid', `${file}: a report ends in ${[...RENDERERS.keys()].join(' or ')}`, {
    remedy: 'Name the file of the report accordingly: what is written into it goes by its ending.',
  });
};

/** Throws `usage.invalid` where the name of a file does not say what to write: before anything else is done. */
export const checkReportFile = (file: string): void => void rendererOf(file);

/** Writes the whole report or nothing. Throws `usage.invalid`. */
export const writeReport = async (file: string, report: MigrationReport): Promise<void> => {
  const text = rendererOf(file)(report);
  const unfinished = `${file}.part`;
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, file);
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw new AppError('usage.invalid', `the report ${file} cannot be written: ${messageOf(cause)}`, {
      cause,
      remedy: 'Name a file in a folder that can be written to.',
    });
  }
};
