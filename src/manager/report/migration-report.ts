import { ERROR_CATALOGUE, type ErrorCode } from '../../core/error-catalogue.ts';
import { AppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { StateCounts } from '../../migration/document-store.ts';
import { SKIP_REASONS, type SkipReason } from '../../migration/phases.ts';
import { getStatus, type MigrationStatus } from '../../migration/status.ts';
import type { Paste } from '../pasted-command.ts';
import { findTask } from '../task-store.ts';
import { listLeftToDo, type Step } from './left-to-do.ts';
import { measureRate, type RatePoint, summarizeRuns, type WorkSummary } from './measured-work.ts';
import { type ExceptionExample, listExamples, listReportedRuns, sumBytes } from './report-store.ts';

/** Documents that did not arrive for one reason. */
export interface ReportedReason {
  readonly code: string;
  readonly count: number;
  readonly meaning: string;
  readonly remedy: string | null;
  /** The first of them, for a person to begin with. */
  readonly examples: readonly { readonly document: string; readonly text: string }[];
}

export interface ReportedRun {
  readonly command: string;
  /** ISO 8601 in UTC, as all times here. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** How it ended; null for one that still works. */
  readonly outcome: string | null;
  readonly error: string | null;
  readonly seconds: number;
  readonly pausedSeconds: number;
  readonly documents: number;
  readonly bytes: number;
  readonly retries: number;
  readonly failures: number;
  readonly toolVersion: string;
}

/** What a manager wants to know of a migration, without a secret: a report is meant to be passed on. */
export interface MigrationReport {
  readonly id: number;
  readonly kind: 'migrate' | 'rollback';
  readonly rollsBack: number | null;
  /** In a word or two: `complete`, `source kept`, `interrupted`. */
  readonly condition: string;
  readonly from: { readonly driver: string; readonly store: string; readonly config: string };
  readonly to: { readonly driver: string; readonly store: string; readonly config: string };
  /** Which configuration works now. */
  readonly active: MigrationStatus['active'];
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly counts: StateCounts;
  /** Documents that the switch has moved, and their bytes at the destination. */
  readonly movedDocuments: number;
  readonly movedBytes: number;
  /** Documents that lie at the destination, switched or not. */
  readonly copiedDocuments: number;
  readonly copiedBytes: number;
  readonly work: WorkSummary;
  /** How long the switch held the archive: the part of the downtime that is this tool's, in seconds. */
  readonly switchSeconds: number | null;
  readonly switchedAt: string | null;
  readonly runs: readonly ReportedRun[];
  readonly rate: readonly RatePoint[];
  readonly failures: readonly ReportedReason[];
  readonly skipped: readonly ReportedReason[];
  readonly leftToDo: readonly Step[];
  readonly toolVersion: string;
  readonly writtenAt: string;
}

const isErrorCode = (code: string): code is ErrorCode => code in ERROR_CATALOGUE;
const isSkipReason = (code: string): code is SkipReason => code in SKIP_REASONS;

const asSentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const explain = (code: string): { readonly meaning: string; readonly remedy: string | null } => {
  if (isErrorCode(code)) return { meaning: ERROR_CATALOGUE[code].meaning, remedy: ERROR_CATALOGUE[code].remedy };
  return { meaning: isSkipReason(code) ? asSentence(SKIP_REASONS[code]) : '', remedy: null };
};

const reasonsOf = (
  counts: ReadonlyMap<string, number>,
  examples: readonly ExceptionExample[],
): readonly ReportedReason[] =>
  [...counts]
    .map(([code, count]) => ({
      code,
      count,
      ...explain(code),
      examples: examples.filter((each) => each.code === code).map(({ document, text }) => ({ document, text })),
    }))
    .toSorted((one, other) => other.count - one.count);

/** How many documents of each reason a report names; `show-migration ID --failed` names all. */
const EXAMPLES_PER_REASON = 20;

/** What the journal tells of a migration. Throws `usage.invalid` where there is none. */
export const getReport = async (
  db: Database,
  id: number,
  about: { readonly toolVersion: string; readonly now: Date; readonly paste: Paste },
): Promise<MigrationReport> => {
  const status = await getStatus(db, id);
  const task = await findTask(db, id);
  if (task === undefined) throw new AppError('internal', `migration ${id} has no row in tasks`);
  const { record, counts } = status;
  const { runs, samples } = await listReportedRuns(db, id);
  const { copiedBytes, switchedBytes } = await sumBytes(db, id);
  const movedDocuments = counts.switched + counts.cleaning + counts.cleaned;
  return {
    id,
    kind: record.kind,
    rollsBack: record.rollsBack ?? null,
    condition: task.condition,
    from: { driver: record.from.driver, store: record.from.description, config: record.from.config },
    to: { driver: record.to.driver, store: record.to.description, config: record.to.config },
    active: status.active,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    counts,
    movedDocuments,
    movedBytes: switchedBytes,
    // Given up with --delete-copies, they are copied in the journal alone.
    copiedDocuments: movedDocuments + (copiedBytes > 0 ? counts.copied : 0),
    copiedBytes,
    work: summarizeRuns(runs, samples),
    switchSeconds: record.switchSeconds ?? null,
    switchedAt: record.switchedAt ?? null,
    runs: runs.map((run) => ({
      command: run.command,
      startedAt: run.startedAt,
      endedAt: run.endedAt ?? null,
      outcome: run.end?.outcome ?? null,
      error: run.end?.errorText ?? null,
      seconds: run.elapsedSeconds,
      pausedSeconds: run.pausedSeconds,
      documents: run.documents,
      bytes: run.bytes,
      retries: run.retries,
      failures: run.failures,
      toolVersion: run.toolVersion,
    })),
    rate: measureRate(runs, samples),
    failures: reasonsOf(status.failures, await listExamples(db, id, 'failed', status.failures, EXAMPLES_PER_REASON)),
    skipped: reasonsOf(status.skipped, await listExamples(db, id, 'skipped', status.skipped, EXAMPLES_PER_REASON)),
    leftToDo: listLeftToDo(status, task.condition, about.paste),
    toolVersion: about.toolVersion,
    writtenAt: about.now.toISOString(),
  };
};
