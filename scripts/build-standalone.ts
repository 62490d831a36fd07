/**
 * Builds one executable file that needs no Node on the machine where it runs: npm run build:standalone [-- FOLDER]
 * (default: standalone). The commands are links to it. It is Node itself with our program and its files put into it.
 */
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { EMBEDDED_ASSETS } from '../src/database/embedded-assets.ts';

/** By this mark Node finds out that a program was put into it; from Node's documentation. */
const SENTINEL_FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const EXECUTABLE = 'anchore-archive-mover';
const COMMANDS = ['anchore-manager', 'anchore-engine', 'anchore-cli'];

const repository = fileURLToPath(new URL('..', import.meta.url));
const target = resolve(repository, process.argv[2] ?? 'standalone');
const work = join(target, 'work');
const require = createRequire(import.meta.url);
const liteFolder = dirname(require.resolve('@electric-sql/pglite'));

const bundle = async (file: string): Promise<void> => {
  const result = await build({
    entryPoints: [join(repository, 'scripts/standalone/main.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifyWhitespace: true,
    legalComments: 'inline',
    // Nothing is read beside the executable; libraries only compute addresses from this one.
    define: { 'import.meta.url': '__executableUrl' },
    banner: { js: "const __executableUrl = require('node:url').pathToFileURL(process.execPath).href;" },
    external: ['pg-native'],
    absWorkingDir: repository,
    logLevel: 'error',
  });
  // Of files above the repository it is not for us to say anything.
  const warnings = result.warnings.filter(({ location }) => location === null || !location.file.startsWith('..'));
  if (warnings.length > 0) {
    throw new Error(`esbuild warns: ${warnings.map(({ text, location }) => `${location?.file}: ${text}`).join('; ')}`);
  }
};

const runNode = (...args: readonly string[]): void => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with exit code ${status}:\n${stdout}${stderr}`);
};

await rm(target, { recursive: true, force: true });
await mkdir(work, { recursive: true });
const program = join(work, 'program.cjs');
await bundle(program);
const configFile = join(work, 'sea-config.json');
const blob = join(work, 'program.blob');
const assets = {
  'package.json': join(repository, 'package.json'),
  ...Object.fromEntries(EMBEDDED_ASSETS.map((name) => [name, join(liteFolder, name)])),
};
// As the launchers in bin/ start Node.
const execArgv = ['--max-semi-space-size=4', '--heap-growing-percent=70'];
await writeFile(
  configFile,
  JSON.stringify({
    main: program,
    output: blob,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv,
    assets,
  }),
);
runNode('--experimental-sea-config', configFile);
const executable = join(target, EXECUTABLE);
await copyFile(process.execPath, executable);
await chmod(executable, 0o755);
runNode(require.resolve('postject/dist/cli.js'), executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', SENTINEL_FUSE);
await rm(work, { recursive: true });
for (const command of COMMANDS) await symlink(EXECUTABLE, join(target, command));
const { size } = await stat(executable);
process.stdout.write(
  `${relative(process.cwd(), executable)}: ${Math.round(size / 1e6)} MB; linked to as ${COMMANDS.join(', ')}\n`,
);
