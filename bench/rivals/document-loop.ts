/** Writes documents and reads them again, at a fixed concurrency, as a process of its own. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';
import { readArchiveConfig } from '../../src/config/archive-section.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { DocumentKey } from '../../src/drivers/contract.ts';
import { openDriver } from '../../src/drivers/registry.ts';
import type { DocumentLoopJob, DocumentLoopReport } from './document-loop-job.ts';

interface DocumentWay extends AsyncDisposable {
  put(key: DocumentKey, bytes: Buffer): Promise<void>;
  /** Returns how many bytes came. */
  get(key: DocumentKey): Promise<number>;
}

const countBytes = async (chunks: AsyncIterable<unknown>): Promise<number> => {
  let bytes = 0;
  for await (const chunk of chunks) bytes += (chunk as Uint8Array).length;
  return bytes;
};

const openService = (
  { catalogUrl, authorization }: Extract<DocumentLoopJob['through'], { kind: 'service' }>,
  connections: number,
): DocumentWay => {
  const pool = new Pool(catalogUrl, { connections, pipelining: 1 });
  const send = async (method: 'GET' | 'POST', key: DocumentKey, body: Buffer | null): Promise<number> => {
    const path = `/v1/objects/${key.bucket}/${encodeURIComponent(key.archiveId)}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await pool.request({ method, path, headers, body });
    const bytes = await countBytes(answer.body);
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode}`);
    return bytes;
  };
  return {
    put: async (key, bytes) => void (await send('POST', key, bytes)),
    get: (key) => send('GET', key, null),
    [Symbol.asyncDispose]: () => pool.close(),
  };
};

const openBareDriver = async ({
  configFile,
  databaseUrl,
}: Extract<DocumentLoopJob['through'], { kind: 'driver' }>): Promise<DocumentWay> => {
  const database = await openDatabase(parseConnectUrl(databaseUrl, { place: 'bench', environment: {} }));
  const section = await readArchiveConfig(configFile, {});
  const driver = await openDriver(section.driver, { database, environment: {} });
  await driver.prepare();
  return {
    put: async (key, bytes) => {
      const md5 = createHash('md5').update(bytes).digest('hex');
      const open = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes;
      };
      await driver.put(key, { sizeBytes: bytes.length, md5, bytes, open }, { mode: 'create' });
    },
    get: async (key) => countBytes((await driver.get({ key, url: driver.locate(key) })).chunks),
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
};

const keyOf = (path: string): DocumentKey => {
  const [userId = '', bucket = '', archiveId = ''] = path.split('/');
  return { userId, bucket, archiveId, documentName: `${archiveId}.json` };
};

const main = async (file: string): Promise<DocumentLoopReport> => {
  const job = JSON.parse(await readFile(file, 'utf8')) as DocumentLoopJob;
  const { through, folder, concurrency } = job;
  const documents = await Promise.all(
    job.keys.map(async (path) => ({ key: keyOf(path), bytes: await readFile(join(folder, path)) })),
  );
  await using way = through.kind === 'service' ? openService(through, concurrency) : await openBareDriver(through);
  const each = async (work: (document: (typeof documents)[number]) => Promise<void>): Promise<number> => {
    const waiting = documents.values();
    const started = performance.now();
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (const document of waiting) await work(document);
      }),
    );
    return (performance.now() - started) / 1000;
  };
  // The first request of a service checks the password, which takes its time on purpose.
  const [first] = documents;
  if (through.kind === 'service' && first !== undefined) await way.get(first.key).catch(() => undefined);
  const putSeconds = await each(({ key, bytes }) => way.put(key, bytes));
  const getSeconds = await each(async ({ key, bytes }) => {
    const found = await way.get(key);
    if (found !== bytes.length) throw new Error(`${key.archiveId}: ${found} bytes`);
  });
  return { putSeconds, getSeconds };
};

process.stdout.write(`${JSON.stringify(await main(process.argv[2] ?? ''))}\n`);
