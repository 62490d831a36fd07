import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shell } from './shell.ts';

/** Two images, as the operator's guide has them. */
const IMAGES = [
  'sha256:0873c923e00e0fd2ba78041bfb64a105e1ecb7678916d1f7776311e45bf5634b',
  'sha256:a0cd2c88c5cc65499e959ac33c8ebab45f24e6348b48d8c34fd2308fcb0cc138',
] as const;

/** Bytes that look random and are the same in every run. */
const bytesOf = (seed: string, sizeBytes: number): Buffer => {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < sizeBytes; index++)
    parts.push(createHash('sha256').update(`${seed}${index}`).digest());
  return Buffer.concat(parts).subarray(0, sizeBytes);
};

const words = (seed: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `package-${index}-${bytesOf(`${seed}${index}`, 4).toString('hex')}`);

const manifest = (image: string): object => ({ schemaVersion: 2, config: { digest: image }, layers: words(image, 8) });
const analysis = (image: string, count: number): object => ({ image, package_list: words(image, count) });

export const OWN_POLICY_ID = 'only-signed-images';

const OWN_POLICY = {
  id: OWN_POLICY_ID,
  name: 'Only signed images',
  comment: 'Größe: 100 %',
  version: '1_0',
  policies: [
    {
      id: 'p1',
      name: 'Deny',
      version: '1_0',
      rules: [{ id: 'r1', gate: 'always', trigger: 'always', action: 'STOP', params: [] }],
    },
  ],
  mappings: [
    {
      id: 'm1',
      name: 'all',
      registry: '*',
      repository: '*',
      image: { type: 'tag', value: '*' },
      policy_ids: ['p1'],
      whitelist_ids: [],
    },
  ],
  whitelists: [],
  whitelisted_images: [],
  blacklisted_images: [],
};

/** A folder of files for each bucket, and a policy bundle: what is put into the archive. */
export const writeSources = async (folder: string): Promise<void> => {
  for (const bucket of ['manifest_data', 'analysis_data', 'image_content_data', 'bulk'])
    await mkdir(join(folder, 'documents', bucket), { recursive: true });
  const write = (path: string, content: object | Buffer): Promise<void> =>
    writeFile(join(folder, path), Buffer.isBuffer(content) ? content : JSON.stringify(content));
  await write('policy.json', OWN_POLICY);
  for (const [index, image] of IMAGES.entries()) {
    await write(`documents/manifest_data/${image}`, manifest(image));
    // One is long enough to be compressed where that is on.
    await write(`documents/analysis_data/${image}`, analysis(image, index === 0 ? 8000 : 200));
    await write(`documents/image_content_data/${image}`, bytesOf(image, 20_000));
  }
};

/** Many more documents, of some kilobytes. */
export const writeManySources = async (folder: string, count: number): Promise<void> => {
  for (let index = 0; index < count; index++)
    await writeFile(join(folder, 'documents/bulk', `document-${index}`), bytesOf(`bulk${index}`, 1000 + index * 37));
};

/** SHA-256 of every document of the account, by `bucket/id`, read over the API with our command. */
export const hashDocuments = async (shell: Shell): Promise<ReadonlyMap<string, string>> => {
  const listed = JSON.parse(await shell.run('anchore-cli --json document list')) as readonly {
    readonly bucket: string;
  }[];
  const hashes = new Map<string, string>();
  const fetched = join(shell.folder, 'fetched');
  for (const bucket of new Set(listed.map((document) => document.bucket))) {
    await shell.run(`anchore-cli document get '${bucket}' --all --raw --folder fetched`);
    for (const file of await readdir(fetched)) {
      const content = await readFile(join(fetched, file));
      hashes.set(`${bucket}/${decodeURIComponent(file)}`, createHash('sha256').update(content).digest('hex'));
    }
    await rm(fetched, { recursive: true });
  }
  if (hashes.size !== listed.length)
    throw new Error(`${listed.length} documents are listed, ${hashes.size} could be read`);
  return hashes;
};

/** Throws with every difference. */
export const expectSameDocuments = (
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  when: string,
): void => {
  const differences = [...new Set([...expected.keys(), ...found.keys()])].filter(
    (key) => expected.get(key) !== found.get(key),
  );
  if (differences.length > 0)
    throw new Error(`${when}: ${differences.length} documents differ: ${differences.slice(0, 10).join(', ')}`);
};
