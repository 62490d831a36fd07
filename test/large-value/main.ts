/**
 * Moves one large value through a driver in the database, and prints by how much the memory of this process has grown at most.
 * A process of its own, since a peak never goes down again.
 *
 *   large-value/main.ts URL db|db2 text|binary write|read SIZE_BYTES
 */
import { createHash } from 'node:crypto';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { makeBytes, refOf } from '../../src/drivers/conformance/samples.ts';
import type { Payload } from '../../src/drivers/contract.ts';
import { openDriver } from '../../src/drivers/registry.ts';

const [url = '', name = '', form = '', operation = '', size = ''] = process.argv.slice(2);
const sizeBytes = Number(size);
const CHUNK_BYTES = 64 * 1024;
const random = makeBytes(CHUNK_BYTES, 'large value');
const chunk = form === 'text' ? Buffer.from(Buffer.from(random).toString('hex').slice(0, CHUNK_BYTES)) : random;

const open = async function* (): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < sizeBytes; sent += CHUNK_BYTES)
    yield chunk.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - sent));
};
const hash = createHash('md5');
for await (const piece of open()) hash.update(piece);
const payload: Payload = { sizeBytes, md5: hash.digest('hex'), open };
const key = { userId: 'admin', bucket: 'large', archiveId: form, documentName: `${form}.json` };

await using db = await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} }));
if (name !== 'db' && name !== 'db2') throw new Error(`expected db or db2; got ${name}`);
await using driver = await openDriver({ name, options: {} }, { database: db, environment: {} });
await driver.prepare();
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
const before = peakBytes();
if (operation === 'write') await driver.put(key, payload, { mode: 'replace' });
else {
  const read = createHash('md5');
  for await (const piece of (await driver.get(refOf(key, driver.locate(key)))).chunks) read.update(piece);
  if (read.digest('hex') !== payload.md5) throw new Error('other bytes came back');
}
process.stdout.write(`${peakBytes() - before}\n`);
