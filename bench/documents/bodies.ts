import { createHash } from 'node:crypto';

/** How large documents are: each size between the two equally likely, or its logarithm. */
export interface Sizes {
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly spread: 'even' | 'logarithmic';
}

/** As `archive_document` holds most of a busy archive's: manifests, image contents, small analyses. */
export const SMALL: Sizes = { minBytes: 4_000, maxBytes: 20_000, spread: 'even' };
export const TINY: Sizes = { minBytes: 650, maxBytes: 950, spread: 'even' };
export const MIXED: Sizes = { minBytes: 2_000, maxBytes: 4_000_000, spread: 'logarithmic' };

/** mulberry32: numbers from 0 to 1 that are the same for the same seed. */
const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const WORDS =
  'bin lib share usr zlib icu curl gems man1 cache log systemd certs node_modules jar spring conf etc'.split(' ');

/** An entry as the list of a real image's files has it: a path, and JSON in a string with a checksum. */
const entryOf = (random: () => number): string => {
  const pick = (): string => WORDS[Math.floor(random() * WORDS.length)] ?? '';
  const number = (below: number): number => Math.floor(random() * below);
  const path = `/${pick()}/${pick()}/${pick()}/${pick()}-${number(10_000)}.so`;
  const checksum = random() < 0.45 ? 'DIRECTORY_OR_OTHER' : `sha256:${createHash('sha256').update(path).digest('hex')}`;
  const value = { mode: '0o644', uid: 0, gid: 0, size: number(100_000), type: 'file', sha256_checksum: checksum };
  return `${JSON.stringify(path)}: ${JSON.stringify(JSON.stringify(value))}`;
};

/** JSON objects which compress as the real ones do, to less than a quarter of their size. The same for the same seed. */
export const createBodies = (count: number, sizes: Sizes, seed: number): readonly string[] => {
  const random = createRandom(seed);
  const { minBytes, maxBytes } = sizes;
  return Array.from({ length: count }, (_, index) => {
    const share = (index + random()) / count;
    const sizeBytes =
      sizes.spread === 'even' ? minBytes + share * (maxBytes - minBytes) : minBytes * (maxBytes / minBytes) ** share;
    const entries: string[] = [];
    for (let length = 0; length < sizeBytes; length += (entries.at(-1)?.length ?? 0) + 2) entries.push(entryOf(random));
    return `{"analysis_report": {${entries.join(', ')}}}`;
  });
};
