import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findDocument, putDocument } from '../src/archive/archive.ts';
import type { Store } from '../src/archive/store.ts';
import { readArchiveConfig } from '../src/config/archive-section.ts';
import { parseConnectUrl } from '../src/database/connect-url.ts';
import type { Database } from '../src/database/database.ts';
import { openDatabase } from '../src/database/open-database.ts';
import { ensureAnchoreTables } from '../src/database/schema/anchore-tables.ts';
import { openDriver } from '../src/drivers/registry.ts';
import { createDemoDocuments, type DemoDocument } from './demo/documents.ts';

/**
 * The operator's main job, on the embedded database, with nothing installed: `npm run demo`. With --manager FILE another
 * build of the command is shown, with nothing in its environment; with --folder FOLDER everything lies there.
 */

const repository = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({ options: { manager: { type: 'string' }, folder: { type: 'string' } } });
const folder = resolve(options.folder ?? join(repository, 'demo-data'));
const databaseFolder = join(folder, 'database');
const config = join(folder, 'config.yaml');
const destConfig = join(folder, 'dest-config.yaml');
const manager = resolve(options.manager ?? join(repository, 'bin/anchore-manager'));
const shown = (path: string): string => relative(process.cwd(), path) || '.';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const title = (text: string): void =>
  say(`\n\u001b[1m== ${text}\u001b[0m`.replaceAll(process.stdout.isTTY ? '' : /\u001b\[\d+m/g, ''));

const configText = (driver: string): string => `# Made by the demo.
services:
  catalog:
    archive:
      compression: {enabled: false, min_size_kbytes: 100}
      storage_driver:
${driver}
credentials:
  database: {db_connect: 'embedded:${databaseFolder}', db_connect_args: {}}
`;

/** Runs the command as a person would, and shows what they would see. */
const run = async (...args: readonly string[]): Promise<void> => {
  const shownArgs = args.map((arg) => (arg.startsWith('/') ? shown(arg) : arg));
  say(`$ ${shown(manager)} archivestorage ${shownArgs.join(' ')}`);
  const child = spawn(manager, ['archivestorage', '--configfile', config, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(options.manager === undefined ? {} : { env: { PATH: '' } }),
  });
  const code = await new Promise<number | null>((done, reject) => {
    child.on('error', reject);
    child.on('close', done);
  });
  if (code !== 0) throw new Error(`the command ended with exit code ${code}`);
};

/** Opens the archive as a service with this configuration would. */
const withArchive = async <T>(file: string, work: (db: Database, store: Store) => Promise<T>): Promise<T> => {
  const target = parseConnectUrl(`embedded:${databaseFolder}`, { place: 'demo', environment: {} });
  await using db = await openDatabase(target);
  await ensureAnchoreTables(db);
  const section = await readArchiveConfig(file, {});
  await using driver = await openDriver(section.driver, { database: db, environment: {} });
  await driver.prepare();
  return await work(db, { driver, codec: section.compression, identity: await driver.identify() });
};

const createArchive = (documents: readonly DemoDocument[]): Promise<void> =>
  withArchive(config, async (db, store) => {
    for (const { key, content } of documents) {
      await putDocument(db, store, key, content);
      say(`  ${key.bucket}/${key.archiveId}  ${content.length} bytes`);
    }
  });

/** Reads every document through a configuration, and compares its SHA-256 with what was put in. */
const proveReadable = (file: string, documents: readonly DemoDocument[]): Promise<void> =>
  withArchive(file, async (db, store) => {
    for (const { key, sha256 } of documents) {
      const content = await findDocument(db, store, key);
      const found = content && createHash('sha256').update(content).digest('hex');
      if (found !== sha256) throw new Error(`${key.bucket}/${key.archiveId}: expected SHA-256 ${sha256}; got ${found}`);
      say(`  ok  sha256 ${sha256.slice(0, 16)}...  ${key.bucket}/${key.archiveId}`);
    }
    say(`All ${documents.length} documents read back through ${shown(file)} with the right SHA-256.`);
  });

/** In a container without a volume there is no lasting folder: the tool refuses such a destination unless it is told. */
const forceWhereEphemeral = async (): Promise<readonly string[]> => {
  const ephemeral = new Set([0x794c7630, 0x01021994, 0x858458f6]);
  if (!ephemeral.has((await statfs(folder)).type)) return [];
  say('(This folder lies on an overlay or in memory, as in a container without a volume: hence --force below.)');
  return ['--force'];
};

const main = async (): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(config, configText('        name: db\n        config: {}'));
  const documentsFolder = join(folder, 'documents');
  await writeFile(
    destConfig,
    configText(`        name: localfs\n        config: {archive_data_dir: '${documentsFolder}'}`),
  );
  const documents = createDemoDocuments();

  title(`An archive as a small Anchore Engine has it: ${documents.length} documents in the database`);
  await createArchive(documents);
  const force = await forceWhereEphemeral();

  title('Step 3: check the destination');
  await run('check', destConfig, ...force);
  title('Step 4: migrate, db -> localfs');
  await run('migrate', config, destConfig, '--dontask', ...force);
  title('Step 6: look at the result');
  await run('list-migrations');
  title('Proof: every document reads back through the new configuration');
  await proveReadable(destConfig, documents);
  title('And back again, localfs -> db');
  await run('migrate', destConfig, config, '--dontask', ...force);
  await run('list-migrations');
  await proveReadable(config, documents);

  title('Where everything lies, and what to type next');
  say(`  database       ${shown(databaseFolder)} (embedded: for trying out and small archives)
  configuration  ${shown(config)} (db), ${shown(destConfig)} (localfs)
  documents      in the database again; ${shown(documentsFolder)} is the destination's folder

  bin/anchore-manager archivestorage --configfile ${shown(config)} migrate ${shown(config)} ${shown(destConfig)}
  bin/anchore-manager archivestorage --configfile ${shown(config)} show-migration 1
  bin/anchore-manager archivestorage --configfile ${shown(config)} verify ${shown(config)}
  bin/anchore-manager archivestorage --help

  With a real Anchore Engine: the same commands with --db-connect postgresql://USER:PASSWORD@HOST:5432/NAME and its own config.yaml.`);
};

await main();
