import { createHash } from 'node:crypto';
import { link, mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createBodies } from './bodies.ts';

export interface LargeFile {
  readonly path: string;
  readonly md5: string;
  readonly sizeBytes: number;
}

/** So many different contents, of which each file takes one and puts its own number in front. */
const CONTENTS = 4;
const HEAD = '{"document": {"number": "';
const NO_NUMBER = '000000';

/** Files of one size, no two of them equal, which look like the analysis of a large image. */
export const writeLargeFiles = async (
  folder: string,
  count: number,
  sizeBytes: number,
): Promise<readonly LargeFile[]> => {
  const sizes = { minBytes: sizeBytes, maxBytes: sizeBytes, spread: 'even' } as const;
  const contents = createBodies(Math.min(CONTENTS, count), sizes, 8).map((body) =>
    Buffer.from(`${HEAD}${NO_NUMBER}", "report": ${body}}}`),
  );
  const files: LargeFile[] = [];
  for (let index = 0; index < count; index += 1) {
    const bytes = contents[index % contents.length] ?? Buffer.alloc(0);
    bytes.write(String(index).padStart(NO_NUMBER.length, '0'), HEAD.length);
    const path = join(folder, `${index}.json`);
    await writeFile(path, bytes);
    files.push({ path, md5: createHash('md5').update(bytes).digest('hex'), sizeBytes: bytes.length });
  }
  return files;
};

/** The same file under another name: it takes no room, and a migration may delete it. */
export const linkFile = async ({ path }: LargeFile, target: string): Promise<void> => {
  await mkdir(dirname(target), { recursive: true });
  await link(path, target);
};

const HASHED_AT_ONCE = 16 * 1024 * 1024;

/** One file of nothing but zeros, which takes no room on the disk. */
export const writeSparseFile = async (path: string, sizeBytes: number): Promise<LargeFile> => {
  await mkdir(dirname(path), { recursive: true });
  await using file = await open(path, 'w');
  await file.truncate(sizeBytes);
  const hash = createHash('md5');
  const zeros = Buffer.alloc(HASHED_AT_ONCE);
  for (let left = sizeBytes; left > 0; left -= zeros.length)
    hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  return { path, md5: hash.digest('hex'), sizeBytes };
};
