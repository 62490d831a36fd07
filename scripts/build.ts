/** Compiles the sources to JavaScript, as they are published: npm run build [-- FOLDER] (default: dist). */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const target = resolve(repository, process.argv[2] ?? 'dist');
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

// What was compiled from sources that have since gone must not be published.
rmSync(target, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [compiler, '-p', join(repository, 'tsconfig.build.json'), '--outDir', target],
  {
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
