import { deleteDocument, documentExists, findDocument, putDocument } from '../archive/archive.ts';
import { findMetadata } from '../archive/metadata-store.ts';
import type { Store } from '../archive/store.ts';
import { AppError, isAppError, messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../database/database.ts';
import type { DocumentKey } from '../drivers/contract.ts';
import { type Trial, tryOut } from './trials.ts';

const keyOf = (archiveId: string): DocumentKey => ({
  userId: 'test',
  bucket: 'anchorecliconfigtest',
  archiveId,
  documentName: `${archiveId}.json`,
});

const describeKey = (key: DocumentKey): string =>
  `user_id = ${key.userId}, bucket = ${key.bucket} and archive_id = ${key.archiveId}`;

/**
 * The key to test with. A test document that an interrupted check has left in this store is removed; one that lies
 * elsewhere is left alone, and a second name tried, as the original does.
 */
const chooseKey = async (db: Database, store: Store, log: Log, signal: AbortSignal): Promise<DocumentKey> => {
  for (const archiveId of ['cliconfigtest', 'cliconfigtest2']) {
    const key = keyOf(archiveId);
    log.info(`Checking existence of test document with ${describeKey(key)}`);
    const row = await findMetadata(db, key);
    if (row === undefined) return key;
    if (row.contentUrl !== null && store.driver.recognises(row.contentUrl)) {
      log.warn(`An earlier check has left its test document ${row.contentUrl}: removing it`);
      await deleteDocument(db, store, key, signal);
      return key;
    }
  }
  throw new AppError(
    'refused.would-overwrite',
    'Found existing records of the test document that this configuration cannot read',
    {
      remedy: 'Run check with the configuration that wrote them, or delete the rows of bucket anchorecliconfigtest.',
    },
  );
};

/** Takes the test document away whatever happened before: its row, and its bytes, also where they are not those that were written. */
const removeTestDocument = async (db: Database, store: Store, key: DocumentKey): Promise<void> => {
  await deleteDocument(db, store, key);
  const [outcome] = await store.driver.delete([{ ref: { key, url: store.driver.locate(key) }, md5: undefined }]);
  if (outcome?.outcome === 'failed') throw outcome.error;
};

/**
 * Writes a small document through the archive, reads it back, compares, lists, and removes it; tells `note` how each went.
 * Nothing stays behind, also after a failure. Throws `check.failed` where something else came back, and the store's own errors.
 */
export const checkArchive = async (
  db: Database,
  store: Store,
  log: Log,
  signal: AbortSignal,
  note: (trial: Trial) => void,
): Promise<void> => {
  const key = await chooseKey(db, store, log, signal);
  const content = Buffer.from(`clitesting at ${new Date().toISOString().replace('Z', '000')}`);
  let failure: unknown;
  try {
    log.info(`Creating test document with ${describeKey(key)}`);
    await tryOut('write', note, () => putDocument(db, store, key, content, signal));
    log.info('Checking document fetch');
    const loaded = await tryOut('read', note, () => read(db, store, key, signal));
    await tryOut('compare', note, () => compare(content, loaded));
    await tryOut('list', note, () => listSome(store, signal));
    log.info('Removing test object');
  } catch (error) {
    failure = error;
  }
  try {
    await tryOut('delete', note, () => removeTestDocument(db, store, key));
  } catch (error) {
    if (failure === undefined) throw error;
    log.warn(`The test document ${store.driver.locate(key)} may have been left behind: ${messageOf(error)}`);
  }
  if (failure !== undefined) throw failure;
  await confirmRemoved(db, store, key, signal);
};

/** A migration lists its destination; that it may is what counts here, not what is there. */
const LISTED_OBJECTS = 10;

const listSome = async ({ driver }: Store, signal: AbortSignal): Promise<void> => {
  let seen = 0;
  for await (const _ of driver.list(signal)) if (++seen >= LISTED_OBJECTS) return;
};

const read = (db: Database, store: Store, key: DocumentKey, signal: AbortSignal): Promise<Uint8Array | undefined> =>
  findDocument(db, store, key, signal).catch((error: unknown) => {
    if (!isAppError(error, 'document.corrupt', 'document.undecodable', 'store.not-found', 'store.corrupt')) throw error;
    throw new AppError('check.failed', `The test document cannot be read back: ${messageOf(error)}`, { cause: error });
  });

const compare = async (content: Buffer, loaded: Uint8Array | undefined): Promise<void> => {
  if (loaded !== undefined && content.equals(loaded)) return;
  const got = loaded === undefined ? 'nothing' : JSON.stringify(Buffer.from(loaded).toString('utf8'));
  throw new AppError(
    'check.failed',
    `Failed retrieving the written document: expected ${JSON.stringify(content.toString())}; got ${got}`,
  );
};

const confirmRemoved = async (db: Database, store: Store, key: DocumentKey, signal: AbortSignal): Promise<void> => {
  const left = await store.driver.head({ key, url: store.driver.locate(key) }, signal);
  if (left === undefined && !(await documentExists(db, key))) return;
  throw new AppError('check.failed', 'Found the test document after it should have been removed');
};
