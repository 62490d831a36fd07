import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { putDocument } from '../../src/archive/archive.ts';
import type { Database } from '../../src/database/database.ts';
import type { DocumentKey } from '../../src/drivers/contract.ts';
import type { Place } from './place.ts';
import type { Random } from './random.ts';

/** The SHA-256 of each document's content, and the columns that nothing may change, by the row's key. */
export type Expected = ReadonlyMap<string, { readonly sha256: string; readonly untouched: string }>;

interface Row {
  bucket: string;
  archiveId: string;
  userId: string;
  documentName: string;
  content_url: string;
  is_compressed: boolean | null;
  digest: string;
  size: number;
  untouched: string;
}

const SELECT_ROWS = `SELECT bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size,
  concat_ws('|', document_metadata, created_at, record_state_key, record_state_val) AS untouched FROM archive_metadata`;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const nameOf = (row: Pick<Row, 'userId' | 'bucket' | 'archiveId'>): string =>
  `${row.userId}/${row.bucket}/${row.archiveId}`;

/** Documents as services store them: JSON and bytes, from nothing to some 100 KB, of two users in three buckets. */
export const seedArchive = async (db: Database, place: Place, count: number, random: Random): Promise<Expected> => {
  const contents = new Map<string, Uint8Array>();
  for (let index = 0; index < count; index += 1) {
    const archiveId = index % 3 === 0 ? `sha256:${sha256(random.bytes(4))}` : `document-${index} é`;
    const userId = index % 7 === 3 ? 'tenant two' : 'admin';
    const bucket = random.pick(['analysis_data', 'manifest_data', 'policy_bundles']);
    const key: DocumentKey = { userId, bucket, archiveId, documentName: `${archiveId}.json` };
    const content = contentOf(index, random);
    contents.set(nameOf(key), content);
    await putDocument(db, place.store, key, content);
  }
  await db.query(
    `UPDATE archive_metadata SET created_at = 1534350753, document_metadata = '{"of": "' || bucket || '"}', record_state_val = 'v'`,
  );
  const { rows } = await db.query<Row>(SELECT_ROWS);
  return new Map(
    rows.map((row) => [
      nameOf(row),
      { sha256: sha256(contents.get(nameOf(row)) ?? new Uint8Array()), untouched: row.untouched },
    ]),
  );
};

const contentOf = (index: number, random: Random): Uint8Array => {
  if (index % 11 === 5) return random.bytes(random.integer(1, 3000));
  if (index === 17) return new Uint8Array();
  const words = index % 13 === 7 ? 18_000 : random.integer(0, 400);
  return Buffer.from(JSON.stringify({ document: { index, salt: random.next(), text: 'lorem '.repeat(words) } }));
};

/** Whose every document must be readable: one place, or, while batches move, each row's own. */
export type Working =
  | { readonly kind: 'one'; readonly place: Place }
  | { readonly kind: 'either'; readonly places: readonly Place[] };

/** What is wrong with the archive, read row by row with nothing but the drivers' `get`. Empty where nothing is. */
export const findProblems = async (db: Database, working: Working, expected: Expected): Promise<readonly string[]> => {
  const { rows } = await db.query<Row>(SELECT_ROWS);
  const problems: string[] = [];
  const seen = new Set(rows.map(nameOf));
  for (const name of expected.keys()) if (!seen.has(name)) problems.push(`${name}: its row is gone`);
  const queue = [...rows];
  const lane = async (): Promise<void> => {
    for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
      const problem = await judgeRow(row, working, expected);
      if (problem !== undefined) problems.push(`${nameOf(row)}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane));
  return problems.toSorted();
};

const judgeRow = async (row: Row, working: Working, expected: Expected): Promise<string | undefined> => {
  const known = expected.get(nameOf(row));
  if (known === undefined) return 'nobody stored it';
  if (row.untouched !== known.untouched) return `columns changed: ${row.untouched}`;
  const key = { userId: row.userId, bucket: row.bucket, archiveId: row.archiveId, documentName: row.documentName };
  const places = working.kind === 'one' ? [working.place] : working.places;
  const place = places.find(({ store }) => store.driver.locate(key) === row.content_url);
  if (place === undefined) return `${row.content_url} is not where it should be`;
  try {
    const object = await place.store.driver.get({ key, url: row.content_url });
    const parts: Uint8Array[] = [];
    for await (const part of object.chunks) parts.push(part);
    const payload = Buffer.concat(parts);
    if (payload.length !== row.size) return `${payload.length} bytes instead of ${row.size}`;
    if (createHash('md5').update(payload).digest('hex') !== row.digest) return 'another digest';
    const content = row.is_compressed === true ? await promisify<Uint8Array, Buffer>(inflate)(payload) : payload;
    return sha256(content) === known.sha256 ? undefined : 'another content';
  } catch (error) {
    return String(error);
  }
};

/** The URLs that the rows name. */
export const listReferenced = async (db: Database): Promise<readonly string[]> => {
  const { rows } = await db.query<{ url: string }>('SELECT content_url AS url FROM archive_metadata');
  return rows.map((row) => row.url);
};
