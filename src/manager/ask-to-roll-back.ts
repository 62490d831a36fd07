import { readableBytes } from '../core/readable-bytes.ts';
import { unreachable } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { countOf } from '../migration/describe.ts';
import { forecastMigration } from '../migration/forecast.ts';
import type { MigrationRecord } from '../migration/migration-store.ts';
import { heedServices } from '../migration/preflight.ts';
import { planRollback, type RollbackPlan, type RollbackRequest } from '../migration/rollback.ts';
import { archiveOf, planScope } from '../migration/scope.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';
import { confirm, SERVICES_STOPPED_QUESTION } from './prompt.ts';
import { labelled } from './wrap-text.ts';

/**
 * Shows what a rollback is about to undo, and asks. What can be known to refuse it is thrown before. Throws what
 * `planRollback` does, `refused.services-running`, `refused.by-person`.
 */
export const askToRollBack = async (
  context: CommandContext,
  db: Database,
  record: MigrationRecord,
  request: RollbackRequest,
): Promise<void> => {
  const { terminal, signal } = context;
  const plan = await planRollback(db, record, request);
  if (plan !== 'give-up') await heedServices({ db, log: context.log.at(PLACES.migration) }, request.force);
  if (terminal.input.isTTY === true) {
    const lines = await describeRollback(db, record, request, plan);
    terminal.output.write(`${lines.join('\n')}\n`);
  }
  await confirm(SERVICES_STOPPED_QUESTION, terminal, signal);
};

const LABEL = 12;

const line = (label: string, text: string): readonly string[] => labelled(label, text, LABEL);

const describeRollback = async (
  db: Database,
  record: MigrationRecord,
  request: RollbackRequest,
  plan: RollbackPlan,
): Promise<readonly string[]> => {
  const { id, kind, phase, switchedAt } = record;
  const { from, to, deleteCopies } = request;
  const name = `${kind === 'rollback' ? 'rollback' : 'migration'} ${id}`;
  const copies = line(
    'Copies',
    deleteCopies
      ? 'what it has copied is DELETED there (--delete-copies)'
      : 'what it has copied stays there; --delete-copies deletes it',
  );
  switch (plan) {
    case 'give-up':
      return [
        ...line(
          'Ends',
          `${name}, which ${phase === 'abandoned' ? 'was given up before' : 'has not been switched'}: no document goes back`,
        ),
        ...line('Works', `${from.config}, now and afterwards`),
        ...line('Copied to', to.store.identity.description),
        ...copies,
      ];
    case 'undo':
    case 'undo-after-retry': {
      const scope = planScope(to.store.driver, archiveOf(record.scope), []);
      const keyed = { source: to.store.driver.name === 'db', destination: from.store.driver.name === 'db' };
      const { documents, bytes } = await forecastMigration(db, scope, keyed);
      return [
        ...line('Undoes', `${name}, switched ${switchedAt ?? 'at a time that is not known'}`),
        ...line('Goes back', `${countOf(documents, 'document')}, ${readableBytes(bytes)}`),
        ...line('From', to.store.identity.description),
        ...line('Back to', from.store.identity.description),
        ...line('How', 'the old objects are proved and used again; what has been written since is copied'),
        ...line('Works now', to.config),
        ...line('Afterwards', from.config),
        ...copies,
      ];
    }
    case 'finish':
      return [
        ...line('Undone', `${name} is rolled back already: only what is left of that is done`),
        ...line('Works', `${from.config}, now and afterwards`),
        ...line('Copied to', to.store.identity.description),
        ...copies,
      ];
    default:
      return unreachable(plan);
  }
};
