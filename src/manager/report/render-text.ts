import { readableBytes } from '../../core/readable-bytes.ts';
import { visibleText } from '../../core/visible-text.ts';
import { readableCount, readableSeconds, switchText } from '../progress/describe-run.ts';
import type { MigrationReport, ReportedReason } from './migration-report.ts';

/** `12.3 s` where the tenths matter, else as every other period. */
export const readablePeriod = (seconds: number): string =>
  seconds < 10 ? `${seconds.toFixed(seconds < 1 ? 2 : 1)} s` : readableSeconds(seconds);

const counted = (count: number, noun: string): string => `${readableCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** What was done, in the words of what it was: nothing has moved before the switch. */
const whatMoved = (report: MigrationReport): string =>
  report.movedDocuments > 0 || report.copiedDocuments === 0
    ? `${counted(report.movedDocuments, 'document')}, ${readableBytes(report.movedBytes)}`
    : `nothing yet; ${counted(report.copiedDocuments, 'document')}, ${readableBytes(report.copiedBytes)} are copied`;

const timeText = ({ runs, work }: MigrationReport): string =>
  runs.length === 0
    ? 'not known: its runs were not recorded'
    : `${readablePeriod(work.workSeconds)} of work in ${counted(runs.length, 'run')}`;

const rateText = ({ work }: MigrationReport): string =>
  work.documentsPerSecond === null || work.bytesPerSecond === null
    ? 'no copy was timed'
    : `${readableCount(work.documentsPerSecond)} documents/s, ${readableBytes(work.bytesPerSecond)}/s while copying`;

const downtimeText = ({ switchSeconds }: MigrationReport): string =>
  switchSeconds === null
    ? 'none: nothing was switched'
    : `${switchText(switchSeconds)} for the switch; the services are down until you start them`;

/** So many documents are named for each reason. */
const NAMED = 3;

const reasonLines = (reasons: readonly ReportedReason[]): readonly string[] =>
  reasons.flatMap(({ code, count, meaning, examples }) => [
    `  ${readableCount(count)} ${code}: ${meaning}`,
    ...examples
      .slice(0, NAMED)
      .map(({ document, text }) => `    ${visibleText(text === '' ? document : `${document}: ${text}`)}`),
    ...(count > NAMED && examples.length > 0 ? ['    ...'] : []),
  ]);

const line = (label: string, text: string): string => `${`${label}:`.padEnd(13)} ${text}`;

/** The summary at the end of a run. */
export const renderText = (report: MigrationReport): string =>
  [
    '',
    `${report.kind === 'rollback' ? 'Rollback' : 'Migration'} ${report.id}: ${report.condition}`,
    line('from', report.from.store),
    line('to', report.to.store),
    line('moved', whatMoved(report)),
    line('time', timeText(report)),
    line('rate', rateText(report)),
    line('downtime', downtimeText(report)),
    line('retries', readableCount(report.work.retries)),
    line('failed', readableCount(report.counts.failed)),
    ...reasonLines(report.failures),
    ...(report.skipped.length > 0
      ? [line('left behind', readableCount(report.counts.skipped)), ...reasonLines(report.skipped)]
      : []),
    'left to do:',
    ...report.leftToDo.flatMap(({ text, command }, index) => [
      `  ${index + 1}. ${text}${command === null ? '' : ':'}`,
      // Alone on its line, so that it can be taken whole.
      ...(command === null ? [] : [`     ${command}`]),
    ]),
    '',
  ].join('\n');
