import { readableBytes } from '../core/readable-bytes.ts';
import type { Database } from '../database/database.ts';
import { countOf } from '../migration/describe.ts';
import { countStates, listLeftAtSource, sumSourceBytes } from '../migration/document-store.ts';
import type { MigrationRecord } from '../migration/migration-store.ts';
import { heedServices } from '../migration/preflight.ts';
import { questionLine } from './ask-to-migrate.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';
import { confirm } from './prompt.ts';

const CLEAN_QUESTION =
  'This deletes them for good and requires *all* anchore-engine services to be stopped - proceed? (y/N)';

/**
 * Shows what `clean` is about to delete, and asks. Nothing is asked where nothing is left to delete, or where the migration is
 * not one to be cleaned, which the cleaning itself refuses. Throws `refused.services-running`, `refused.by-person`.
 */
export const askToClean = async (
  context: CommandContext,
  db: Database,
  record: MigrationRecord,
  force: boolean,
): Promise<void> => {
  const { terminal, signal } = context;
  const { id, phase } = record;
  if (phase !== 'switched' && phase !== 'cleaning' && phase !== 'cleaned') return;
  const { switched, cleaning } = await countStates(db, id);
  // What an earlier cleaning could not delete is tried again.
  const documents = switched + cleaning + (await listLeftAtSource(db, id)).length;
  if (documents === 0) return;
  await heedServices({ db, log: context.log.at(PLACES.migration) }, force);
  if (terminal.input.isTTY === true) {
    // Right after a switch, documents that are `copied` are switched, only not marked yet.
    const bytes = await sumSourceBytes(db, id, [
      'switched',
      'cleaning',
      ...(phase === 'switched' ? ['copied' as const] : []),
    ]);
    const lines = [
      ...questionLine('Migration', `${id}, switched at ${record.switchedAt ?? 'an unknown time'}`),
      ...questionLine('DELETES', `${countOf(documents, 'document')}, ${readableBytes(bytes)}`),
      ...questionLine('From', record.from.description),
      ...questionLine('Stays', `what the archive uses since the switch: ${record.to.description}`),
      ...questionLine(
        'Then',
        phase === 'switched'
          ? 'there is no rollback any more: the documents can only be migrated back'
          : 'there is no rollback, as there is none now: cleaning has begun before',
      ),
    ];
    terminal.output.write(`${lines.join('\n')}\n`);
  }
  await confirm(CLEAN_QUESTION, terminal, signal);
};
