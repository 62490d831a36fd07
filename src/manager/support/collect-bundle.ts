import { renderYaml } from '../../config/render-config.ts';
import { isAppError } from '../../core/errors.ts';
import { redact } from '../../core/secrets.ts';
import { visibleText } from '../../core/visible-text.ts';
import type { Database } from '../../database/database.ts';
import { describeDocument } from '../../migration/describe.ts';
import type { MigrationRecord } from '../../migration/migration-store.ts';
import { getStatus, pageExceptions } from '../../migration/status.ts';
import type { CommandContext, CommandInput } from '../context.ts';
import { loadJournalledSide } from '../journalled.ts';
import { redactText } from '../output.ts';
import type { MigrationReport } from '../report/migration-report.ts';
import { renderHtml } from '../report/render-html.ts';
import { listReportedRuns } from '../report/report-store.ts';
import { listTasks } from '../task-store.ts';
import { getServerFacts } from './server-store.ts';

/** One file of a bundle, and what a person who looks at it finds there. */
export interface BundleFile {
  readonly name: string;
  readonly about: string;
  readonly text: string;
}

/** More failed documents than that say nothing more. */
const MAX_DOCUMENTS = 1000;

const asJson = (value: unknown): string => `${JSON.stringify(value, redactText, 2)}\n`;

const renderSide = async (
  context: CommandContext,
  input: CommandInput,
  record: MigrationRecord,
  side: 'from' | 'to',
): Promise<string> => {
  try {
    const { archive } = await loadJournalledSide(context, input, record, side);
    return redact(`# ${archive.file}, ${archive.sectionPath}\n${renderYaml(archive.forDisplay)}`);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return redact(`# ${error.code}: ${error.message}\n`);
  }
};

const listFailed = async (db: Database, id: number): Promise<string> => {
  const lines: string[] = [];
  for (const state of ['failed', 'skipped'] as const) {
    let count = 0;
    for await (const page of pageExceptions(db, id, state)) {
      for (const document of page.slice(0, MAX_DOCUMENTS - count)) {
        const text = `${describeDocument(document)}: ${document.errorCode ?? 'unknown'}: ${document.errorText ?? ''}`;
        lines.push(`${state}, tried ${document.attempts} times: ${visibleText(redact(text))}`);
        count += 1;
      }
      if (count >= MAX_DOCUMENTS) {
        lines.push(`${state}: more than ${MAX_DOCUMENTS}; the others are left out`);
        break;
      }
    }
  }
  return lines.length === 0 ? 'None.\n' : `${lines.join('\n')}\n`;
};

/** Collects the files; none of them holds a secret. */
export const collectBundle = async (
  context: CommandContext,
  input: CommandInput,
  db: Database,
  record: MigrationRecord,
  report: MigrationReport,
): Promise<readonly BundleFile[]> => {
  const status = await getStatus(db, record.id);
  const files: readonly BundleFile[] = [
    { name: 'report.html', about: 'the report of the migration, for a browser', text: renderHtml(report) },
    { name: 'report.json', about: 'the same as data', text: asJson(report) },
    {
      name: 'from.yaml',
      about: 'the archive section of the source configuration, secrets as ****',
      text: await renderSide(context, input, record, 'from'),
    },
    {
      name: 'to.yaml',
      about: 'the archive section of the destination configuration, secrets as ****',
      text: await renderSide(context, input, record, 'to'),
    },
    { name: 'plan.json', about: 'the stores, what is in scope, and the options', text: asJson(record) },
    {
      name: 'journal.json',
      about: 'how many documents are in which state, every run, and its progress over time',
      text: asJson({
        task: status.task,
        interrupted: status.interrupted,
        active: status.active,
        counts: status.counts,
        failures: Object.fromEntries(status.failures),
        skipped: Object.fromEntries(status.skipped),
        ...(await listReportedRuns(db, record.id)),
      }),
    },
    {
      name: 'documents.txt',
      about: 'NAMES of documents that failed or were left where they are, with the reason',
      text: await listFailed(db, record.id),
    },
    { name: 'migrations.json', about: 'all migrations of this database', text: asJson(await listTasks(db)) },
    {
      name: 'versions.json',
      about: 'the versions of this tool, of Node and of the system',
      text: asJson({
        'anchore-manager': context.toolVersion,
        'node': process.version,
        'platform': process.platform,
        'architecture': process.arch,
        'database': db.kind,
        'libraries': process.versions,
      }),
    },
    {
      name: 'server.json',
      about: 'settings of the database server, sizes of tables, services and when they last gave a sign of life',
      text: asJson(await getServerFacts(db)),
    },
  ];
  return [{ name: 'README.txt', about: 'this list', text: renderReadme(record.id, files, report) }, ...files];
};

const renderReadme = (id: number, files: readonly BundleFile[], report: MigrationReport): string =>
  [
    `What is known of migration ${id}, to be attached to a question. Written ${report.writtenAt} by anchore-manager ${report.toolVersion}.`,
    '',
    'LOOK AT IT BEFORE YOU SEND IT. Passwords and keys are left out, but names are not: of documents, users, buckets,',
    'hosts and folders. Remove what may not leave your house.',
    '',
    ...files.map(({ name, about }) => `${name.padEnd(16)} ${about}`),
    '',
  ].join('\n');
