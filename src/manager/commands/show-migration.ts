import { describeDocument } from '../../migration/describe.ts';
import { DOCUMENT_STATES } from '../../migration/phases.ts';
import { getStatus, type MigrationStatus, pageFailures } from '../../migration/status.ts';
import type { Command } from '../context.ts';
import { connectForId, getRecord, parseId } from '../journalled.ts';

const activeText = ({ active, record }: MigrationStatus): string => {
  switch (active) {
    case 'from':
      return `the source's (${record.from.config})`;
    case 'to':
      return `the destination's (${record.to.config})`;
    case 'both-in-part':
      return 'neither alone: --move is under way';
  }
};

const stateText = ({ task, interrupted, record }: MigrationStatus): string => {
  if (interrupted) return `interrupted, last active ${task.lastUpdated ?? 'at an unknown time'}`;
  return record.pause === undefined ? task.state : `${task.state} (${record.pause})`;
};

const reasons = (counts: ReadonlyMap<string, number>): string =>
  counts.size === 0 ? '' : ` (${[...counts].map(([code, count]) => `${count} ${code}`).join(', ')})`;

const describe = (status: MigrationStatus): string => {
  const { record, task, counts } = status;
  const kind = record.kind === 'rollback' ? `rollback of migration ${record.rollsBack ?? '?'}` : 'migration';
  const states = DOCUMENT_STATES.filter((state) => counts[state] > 0).map((state) => {
    const why = state === 'failed' ? reasons(status.failures) : state === 'skipped' ? reasons(status.skipped) : '';
    return `  ${`${state}:`.padEnd(11)} ${counts[state]}${why}`;
  });
  const lines = [
    `id:           ${record.id} (${kind})`,
    `state:        ${stateText(status)}`,
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
    lines.push(`switched:     ${record.switchedAt ?? '-'}, in ${record.switchSeconds.toFixed(2)} s`);
  return [...lines, 'documents:', ...(states.length > 0 ? states : ['  none'])].join('\n');
};

/** `show-migration ID [--failed]`: what the journal says of one migration. Changes nothing. */
export const showMigration: Command = async (context, input) => {
  const { output } = context;
  const id = parseId(input);
  await using db = await connectForId(context, input);
  await getRecord(db, id);
  const status = await getStatus(db, id);
  output.text(describe(status));
  output.object({
    ...status,
    failures: Object.fromEntries(status.failures),
    skipped: Object.fromEntries(status.skipped),
  });
  if (!input.flag('failed')) return 0;
  for await (const page of pageFailures(db, id)) {
    for (const document of page) {
      const [code, text] = [document.errorCode ?? 'unknown', document.errorText ?? ''];
      output.text(`${describeDocument(document)}: ${code}: ${text}`);
      output.object({ failed: { ...document.key, url: document.source.url, code, text } });
    }
  }
  return 0;
};
