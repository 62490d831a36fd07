import { existsSync } from 'node:fs';
import { type ConfigFile, readConfigFile } from '../../config/config-file.ts';
import { parseDatabaseSection } from '../../config/database-section.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { renderPlainTable } from '../../core/plain-table.ts';
import type { Database } from '../../database/database.ts';
import { describePlace } from '../../database/database-target.ts';
import type { StoreIdentity } from '../../drivers/contract.ts';
import { type FitFinding, inspectDriverFit, inspectStoreFit } from '../../migration/archive-fit.ts';
import { findDatabaseTarget } from '../../stores/database-target.ts';
import { openStore } from '../../stores/open-store.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command, CommandContext } from '../context.ts';
import { findCommandDatabase } from '../database-options.ts';
import {
  type AlikeArchives,
  type Difference,
  groupAlike,
  type NodeArchive,
  readNodeArchives,
} from '../node-archives.ts';
import { scopeOf } from '../open-side.ts';
import { PLACES } from '../places.ts';

/** What looking at one store, and at the database, has told of it. */
interface Looked {
  readonly identity: StoreIdentity | undefined;
  readonly findings: readonly FitFinding[];
  /** Why the store could not be looked at from here. */
  readonly unknown: string | undefined;
}

const KINDS = ['object_store', 'analysis_archive'] as const;
type Kind = (typeof KINDS)[number];

const kindOf = ({ config }: NodeArchive): Kind => (config.claimsAnalysisArchive ? 'analysis_archive' : 'object_store');

/** The store as it is, created nowhere; what is wrong with it from here says nothing of the node. */
const look = async (context: CommandContext, db: Database, { config }: NodeArchive): Promise<Looked> => {
  const { environment, signal } = context;
  const subject = { archive: scopeOf(config), config: config.file };
  const findings: FitFinding[] = [];
  let identity: StoreIdentity | undefined;
  try {
    await using opened = await openStore(db, config, {
      environment,
      signal,
      prepare: false,
      reliability: {},
      guard: async (driver) => void findings.push(...(await inspectDriverFit(db, driver, subject))),
    });
    identity = opened.store.identity;
    if (findings.every(({ severity }) => severity !== 'refuse'))
      findings.push(...(await inspectStoreFit(db, opened.store, subject, signal)));
    return { identity, findings, unknown: undefined };
  } catch (error) {
    if (!(error instanceof AppError) || !error.code.startsWith('store.')) throw error;
    return { identity, findings, unknown: messageOf(error) };
  }
};

/** The database with which the stores are compared; undefined where nothing names one. */
const openComparison = async (context: CommandContext, files: readonly ConfigFile[]): Promise<Database | undefined> => {
  const [config] = files;
  const target = await findCommandDatabase(context, config);
  if (target.kind === 'embedded' && !existsSync(target.folder)) return undefined;
  return connectDatabase(context, { tables: 'leave', ...(config && { config }) });
};

/** Nodes may reach one database by several names, so this is said and no more. */
const findDatabases = async (context: CommandContext, files: readonly ConfigFile[]): Promise<readonly string[]> => {
  const { ANCHORE_DB_CONNECT: _, ...environment } = context.environment;
  const targets = await Promise.all(
    files
      .filter(parseDatabaseSection)
      .map((file) =>
        findDatabaseTarget({ environment, readConfig: () => Promise.resolve(file), warn: () => undefined }),
      ),
  );
  return [...new Set(targets.map(describePlace))];
};

const describeValue = ({ value }: Difference['own']): string =>
  value === undefined ? 'nothing' : JSON.stringify(value);

const describeDifference = ({ path, own, other }: Difference): string => {
  const its = own.value === other.value ? 'another one, which is not shown either' : describeValue(other);
  return `${own.file}:${own.line} ${path}: ${describeValue(own)}; ${other.file}:${other.line} has ${its}`;
};

const describeFinding = (finding: FitFinding): string =>
  finding.severity === 'refuse' ? `${finding.error.message}. ${finding.error.remedy}` : finding.text;

const fitsOf = (looked: Looked | undefined): 'yes' | 'no' | 'unknown' => {
  if (looked?.findings.some(({ severity }) => severity === 'refuse')) return 'no';
  return looked === undefined || looked.unknown !== undefined ? 'unknown' : 'yes';
};

const describeCompression = ({ config }: NodeArchive): string =>
  config.compression.enabled ? `above ${config.compression.minSizeKbytes} KiB` : 'off';

interface Row {
  readonly archive: NodeArchive;
  readonly group: AlikeArchives;
  readonly looked: Looked | undefined;
}

const tableOf = (rows: readonly Row[], without: readonly string[]): string =>
  renderPlainTable(
    ['configuration', 'archive', 'driver', 'store', 'compression', 'like the others', 'fits'],
    [
      ...rows.map(({ archive, group, looked }) => [
        archive.file.file,
        kindOf(archive),
        archive.config.driver.name,
        looked?.identity?.description ?? '?',
        describeCompression(archive),
        group.differences.length === 0 ? 'yes' : 'NO',
        fitsOf(looked) === 'no' ? 'NO' : fitsOf(looked),
      ]),
      ...without.map((file) => [file, 'no catalog', '', '', '', '', '']),
    ],
    'left',
  );

const jsonOf = ({ archive, group, looked }: Row): object => ({
  config: archive.file.file,
  archive: kindOf(archive),
  driver: archive.config.driver.name,
  store: looked?.identity?.description ?? null,
  compression: archive.config.compression,
  agrees: group.differences.length === 0,
  differences: group.differences,
  fits: fitsOf(looked),
  findings: (looked?.findings ?? []).map((finding) =>
    finding.severity === 'refuse'
      ? { severity: 'refuse', code: finding.error.code, message: finding.error.message, remedy: finding.error.remedy }
      : { severity: 'warn', message: finding.text },
  ),
  unknown: looked?.unknown ?? null,
});

/** The lines below the table: each difference, and each finding once for the files that share it. */
const explain = (rows: readonly Row[]): readonly string[] => {
  const lines = rows.flatMap(({ group, looked, archive }) => [
    ...(group.members[0] === archive ? group.differences.map(describeDifference) : []),
    ...(looked?.findings ?? []).map((finding) => `${archive.file.file}: ${describeFinding(finding)}`),
    ...(looked?.unknown === undefined ? [] : [`${archive.file.file}: not looked at from here: ${looked.unknown}`]),
  ]);
  return [...new Set(lines)];
};

/**
 * `check --nodes CONFIG...`: compares the archives of all nodes' files with each other, and with where the archive is now, as
 * each service would when it starts. Writes nothing. Exit 5 where they disagree or one does not fit.
 */
export const checkNodes: Command = async (context, input) => {
  const { output } = context;
  const log = context.log.at(PLACES.check);
  const paths = [...new Set([input.argument(0), ...input.list('nodes')].filter((path) => path !== ''))];
  const files = await Promise.all(paths.map((path) => readConfigFile(path, context.environment)));
  const archives = files.flatMap(readNodeArchives);
  for (const { config } of archives) for (const warning of config.warnings) context.log.at(PLACES.config).warn(warning);
  const without = files.filter((file) => archives.every((archive) => archive.file !== file)).map(({ file }) => file);

  const databases = await findDatabases(context, files);
  if (databases.length > 1) log.warn(`The files name different databases: ${databases.join(', ')}`);
  await using db = await openComparison(context, files);
  if (db === undefined)
    log.warn('No database is named, so nothing is compared with where the archive is: give --db-connect URL.');
  const rows: Row[] = [];
  for (const kind of KINDS) {
    const groups = groupAlike(archives.filter((archive) => kindOf(archive) === kind));
    for (const group of groups)
      for (const archive of group.members)
        rows.push({ archive, group, looked: db && (await look(context, db, archive)) });
  }
  const disagree = rows.filter(({ group }) => group.differences.length > 0).length;
  const unfit = rows.filter(({ looked }) => fitsOf(looked) === 'no').length;
  const stores = new Set(rows.flatMap(({ looked }) => looked?.identity?.fingerprint ?? []));
  output.text(tableOf(rows, without));
  for (const line of explain(rows)) output.text(line);
  const good = disagree + unfit === 0;
  output.text(
    good
      ? `In order: ${rows.length} archives in ${files.length} files agree with each other`
      : `NOT in order: of ${rows.length} archives in ${files.length} files, ${disagree} differ from the others, ${unfit} do not fit where the documents are`,
  );
  output.object({
    check: good ? 'ok' : 'wrong',
    nodes: rows.map(jsonOf),
    withoutCatalog: without,
    stores: stores.size,
    databases,
  });
  return good ? 0 : 5;
};
