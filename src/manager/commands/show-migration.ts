import { AppError } from '../../core/errors.ts';
import { renderPlainTable } from '../../core/plain-table.ts';
import { describeDocument } from '../../migration/describe.ts';
import { listLeftAtSource } from '../../migration/document-store.ts';
import { DOCUMENT_STATES, SKIP_REASONS, type SkipReason } from '../../migration/phases.ts';
import type { RunRecord } from '../../migration/run-store.ts';
import { getStatus, type MigrationStatus, pageExceptions } from '../../migration/status.ts';
import type { Command } from '../context.ts';
import { switchText } from '../progress/describe-run.ts';
import { listReportedRuns } from '../report/report-store.ts';
import { connectForId, getRecord, parseId } from '../journalled.ts';
import { pasteFor } from '../pasted-command.ts';
import { findTask, type MigrationTask } from '../task-store.ts';
import { renderTaskTable } from '../task-table.ts';

const activeText = ({ active, record }: MigrationStatus): string => {
  switch (active) {
    case 'from':
      return `the source's (${record.from.config})`;
    case 'to':
      return `the destination's (${record.to.config})`;
    case 'elsewhere':
      return 'another, since another migration: see list-migrations';
    case 'both-in-part':
      return record.phase === 'moving'
        ? 'neither alone: --move is under way'
        : `the destination's (${record.to.config}), but for the documents that failed: they are still at the source`;
  }
};

const reasons = (counts: ReadonlyMap<string, number>): string =>
  counts.size === 0 ? '' : ` (${[...counts].map(([code, count]) => `${count} ${code}`).join(', ')})`;

const describe = (status: MigrationStatus, listed: MigrationTask): string => {
  const { record, task, counts } = status;
  const kind = record.kind === 'rollback' ? `rollback of migration ${record.rollsBack ?? '?'}` : 'migration';
  const states = DOCUMENT_STATES.filter((state) => counts[state] > 0).map((state) => {
    const why = state === 'failed' ? reasons(status.failures) : state === 'skipped' ? reasons(status.skipped) : '';
    return `  ${`${state}:`.padEnd(11)} ${counts[state]}${why}`;
  });
  const lines = [
    `id:           ${record.id} (${kind})`,
    `state:        ${listed.state}${listed.condition === listed.state ? '' : ` (${listed.condition})`}`,
    `phase:        ${record.phase}`,
    `works now:    ${activeText(status)}`,
    `from:         ${record.from.description}`,
    `to:           ${record.to.description}`,
    `started:      ${task.startedAt ?? '-'}`,
    `ended:        ${task.endedAt ?? '-'}`,
    `last updated: ${task.lastUpdated ?? '-'}`,
    `executor:     ${task.executorId ?? '-'}`,
    `source:       ${record.keepSource ? 'kept (--nodelete)' : record.move ? 'freed batch by batch (--move)' : 'cleaned after the switch'}`,
  ];
  if (record.switchSeconds !== undefined)
    lines.push(`switched:     ${record.switchedAt ?? '-'}, in ${switchText(record.switchSeconds)}`);
  return [...lines, 'documents:', ...(states.length > 0 ? states : ['  none'])].join('\n');
};

const describeRuns = (runs: readonly RunRecord[]): string =>
  renderPlainTable(
    ['run', 'began', 'ended', 'how', 'copied', 'retries', 'failed'],
    runs.map((run) => [
      run.command,
      run.startedAt,
      run.endedAt ?? 'None',
      run.end?.outcome ?? run.phase,
      String(run.documents),
      String(run.retries),
      String(run.failures),
    ]),
    'left',
  );

/** `show-migration ID [--failed] [--skipped]`: what the journal says of one migration. Changes nothing. */
export const showMigration: Command = async (context, input) => {
  const { output } = context;
  const id = parseId(input);
  await using db = await connectForId(context, input);
  await getRecord(db, id);
  const status = await getStatus(db, id);
  const task = await findTask(db, id);
  if (task === undefined) throw new AppError('internal', `migration ${id} has no row in tasks`);
  const { runs } = await listReportedRuns(db, id);
  output.text(`${renderTaskTable([task])}\n\n${describe(status, task)}`);
  if (runs.length > 0) output.text(`\n${describeRuns(runs)}`);
  const leftAtSource = await listLeftAtSource(db, id);
  if (leftAtSource.length > 0) {
    output.text(`\nleft at the source (what tries again: ${pasteFor(context, db)('clean', id)}):`);
    for (const { text } of leftAtSource) output.text(`  ${text}`);
  }
  output.object({
    ...status,
    condition: task.condition,
    runs,
    leftAtSource,
    failures: Object.fromEntries(status.failures),
    skipped: Object.fromEntries(status.skipped),
  });
  for (const state of ['failed', 'skipped'] as const) {
    if (!input.flag(state)) continue;
    for await (const page of pageExceptions(db, id, state)) {
      for (const document of page) {
        const code = document.errorCode ?? 'unknown';
        const text = document.errorText ?? (isSkipReason(code) ? SKIP_REASONS[code] : '');
        output.text(`${describeDocument(document)}: ${code}: ${text}`);
        output.object({ [state]: { ...document.key, url: document.source.url, code, text } });
      }
    }
  }
  return 0;
};

const isSkipReason = (code: string): code is SkipReason => code in SKIP_REASONS;
