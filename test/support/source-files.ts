import { glob, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** From the repository's folder, such as `src/core/errors.ts`. */
  readonly path: string;
  readonly lines: number;
  /** The text without comments. */
  readonly code: string;
  /** What it imports or re-exports of this repository, types included, as paths like `path`. */
  readonly imports: readonly string[];
}

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')`. */
const IMPORT = /(?:\bfrom\s+|\bimport\s*\(?\s*)'(\.[^']*)'/g;

export const parseSourceFile = (path: string, text: string): SourceFile => {
  const code = withoutComments(text);
  const imports = [...code.matchAll(IMPORT)].map((match) => normalize(join(dirname(path), match[1] ?? '')));
  return { path, lines: text.split('\n').length - 1, code, imports };
};

/** The TypeScript files below these folders of the repository, in the order of their paths. */
export const readSourceFiles = async (...folders: readonly string[]): Promise<SourceFile[]> => {
  const paths = await Array.fromAsync(
    glob(
      folders.map((folder) => `${folder}/**/*.ts`),
      { cwd: REPOSITORY },
    ),
  );
  return Promise.all(
    paths.toSorted().map(async (path) => parseSourceFile(path, await readFile(join(REPOSITORY, path), 'utf8'))),
  );
};

export const isTest = (path: string): boolean => path.endsWith('.test.ts');
