import { renderYaml } from '../config/render-config.ts';
import type { ArchiveConfig } from '../config/archive-section.ts';
import { pythonJson } from '../core/python-json.ts';
import { redact } from '../core/secrets.ts';
import type { Database } from '../database/database.ts';
import type { MigrationResult } from '../migration/finish.ts';
import { countOf, describeDocument } from '../migration/describe.ts';
import { getMigration } from '../migration/migration-store.ts';
import { pageExceptions } from '../migration/status.ts';
import type { CommandContext } from './context.ts';
import { type ExitCode, exitCodeOfOutcome } from './exit-code.ts';
import { pasteFor } from './pasted-command.ts';
import { PLACES } from './places.ts';
import { getReport } from './report/migration-report.ts';
import { renderText } from './report/render-text.ts';
import { findTask, type MigrationTask } from './task-store.ts';
import { wrapBlock } from './wrap-text.ts';

/** The guide has no zone in the times of its summary. */
const withoutZone = (time: string | null): string | null => time?.replace(/Z$/, '') ?? null;

/** `Migration result summary: {...}` with the keys of the operator's guide, in its order. */
const renderTask = (task: MigrationTask): string =>
  pythonJson({
    last_state: task.lastState,
    executor_id: task.executorId,
    archive_documents_migrated: task.documentsMigrated,
    last_updated: withoutZone(task.lastUpdated),
    online_migration: task.onlineMigration,
    created_at: withoutZone(task.createdAt),
    migrate_from_driver: task.fromDriver,
    archive_documents_to_migrate: task.documentsToMigrate,
    state: task.state,
    migrate_to_driver: task.toDriver,
    ended_at: withoutZone(task.endedAt),
    started_at: withoutZone(task.startedAt),
    type: 'archivemigrationtask',
    id: task.id,
  });

const counted = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([code, count]) => `${count} ${code}`).join(', ');

/** How many failed documents are named at the end of a run; `show-migration --failed` names all. */
const NAMED_FAILURES = 20;

const nameFailures = async (
  db: Database,
  id: number,
  count: number,
): Promise<readonly { readonly document: string; readonly code: string; readonly text: string }[]> => {
  if (count === 0) return [];
  for await (const page of pageExceptions(db, id, 'failed')) {
    return page.slice(0, NAMED_FAILURES).map((document) => ({
      document: describeDocument(document),
      code: document.errorCode ?? 'unknown',
      text: document.errorText ?? '',
    }));
  }
  return [];
};

/** Says how a run ended; returns the exit code. The configuration to put in place is only named once it works. */
export const reportResult = async (
  context: CommandContext,
  db: Database,
  result: MigrationResult,
  to: ArchiveConfig,
): Promise<ExitCode> => {
  const log = context.log.at(PLACES.migration);
  const exit = exitCodeOfOutcome(result.outcome);
  const { counts } = result;
  const paste = pasteFor(context, db);
  const task = await findTask(db, result.id);
  if (task) log.info(`Migration result summary: ${renderTask(task)}`);
  const isSwitched =
    counts.switched + counts.cleaning + counts.cleaned > 0 || (result.outcome === 'complete' && counts.failed === 0);
  for (const problem of result.problems.slice(0, 20))
    log.error(`Could not delete from the source: ${problem.code}: ${problem.text}`);
  const open = result.problems.filter((problem) => !problem.final).length;
  if (open > 0) log.error(`${open} deletes failed; what tries them again: ${paste('clean', result.id)}`);
  if (result.problems.length > open)
    log.error(`${result.problems.length - open} objects stay at the source for good, as said above`);
  if (counts.failed > 0)
    log.error(
      `Failed documents: ${counted(result.failures)}; what lists all: ${paste('show-migration', result.id, '--failed')}`,
    );
  if (result.skipped.size > 0)
    log.warn(
      `Documents left where they are: ${counted(result.skipped)}; what lists all: ${paste('show-migration', result.id, '--skipped')}`,
    );
  context.output.object({
    id: result.id,
    outcome: result.outcome,
    exit,
    counts,
    failures: Object.fromEntries(result.failures),
    firstFailed: await nameFailures(db, result.id, counts.failed),
    skipped: Object.fromEntries(result.skipped),
    deleteProblems: result.problems.length,
    switchSeconds: (await getMigration(db, result.id)).switchSeconds ?? null,
    task: task ?? null,
    configuration: isSwitched && result.outcome !== 'precopied' ? to.forDisplay : null,
  });
  if (result.outcome === 'precopied')
    log.info(`Copied what was new or changed; no metadata was touched: migrate copies the difference and switches`);
  else if (isSwitched) sayConfiguration(context, result, to);
  else if (result.outcome === 'stranded')
    log.error(
      'Nothing was switched, since no document is where FROM can read it: the configuration in use stays the one that ' +
        'works. Check that FROM is that one, and that this is its database.',
    );
  else
    log.error(
      'Nothing was switched: the configuration in use stays the one that works. ' +
        'Correct the cause and run the same command again, or add --skip-failed to leave the failed documents behind.',
    );
  if (!context.quiet) {
    const report = await getReport(db, result.id, { toolVersion: context.toolVersion, now: new Date(), paste });
    context.screen.print(wrapBlock(redact(renderText(report)), context.screen.columns));
  }
  return exit;
};

/** In the guide's words, and where in the file these options stand. */
const sayConfiguration = (context: CommandContext, result: MigrationResult, to: ArchiveConfig): void => {
  const log = context.log.at(PLACES.migration);
  const kept = result.counts.switched;
  if (kept > 0 && result.problems.length === 0) {
    log.info(
      `The source keeps its ${countOf(kept, 'document')}: what deletes them, and what undoes this, is said at the end`,
    );
  }
  context.log
    .at(PLACES.migrate)
    .info(
      'After this migration, your anchore-engine config.yaml MUST have the following configuration options added before starting up again:',
    );
  context.output.text(renderYaml(to.asWritten));
  context.log.at(PLACES.migrate).info(`They stand under ${to.sectionPath}`);
};
