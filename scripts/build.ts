/**
 * Compiles the sources to JavaScript, as they are published, and writes the manual pages beside them:
 * npm run build [-- FOLDER] (default: dist, and then man).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPackageVersion } from '../src/core/package-version.ts';
import { renderManPages } from './manual-pages.ts';

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

const manual = resolve(target, '../man');
mkdirSync(manual, { recursive: true });
for (const [name, page] of renderManPages(readPackageVersion())) writeFileSync(join(manual, `${name}.1`), page);
