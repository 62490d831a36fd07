import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { renderManPages } from '../../scripts/manual-pages.ts';
import { COMPLETED_PROGRAMS, COMPLETION_CASES, programOf } from '../support/completion-cases.ts';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

let folder: string;
/** Where the word to complete is typed, so that nothing but its file is offered. */
let place: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shells-test-'));
  place = join(folder, 'place');
  await mkdir(place);
  await writeFile(join(place, 'config.yaml'), '');
});

after(() => rm(folder, { recursive: true, force: true }));

/** The scripts of all programs, by their names. */
const writeScripts = async (shell: string): Promise<ReadonlyMap<string, string>> =>
  new Map(
    await Promise.all(
      COMPLETED_PROGRAMS.map(async (program) => {
        const { stdout } = await run(join(REPOSITORY, 'bin', program), ['completion', shell]);
        const script = join(folder, `${program}.${shell}`);
        await writeFile(script, stdout);
        return [program, script] as const;
      }),
    ),
  );

test('fish completes commands, options, choices and files', async () => {
  const scripts = await writeScripts('fish');
  for (const [line, expected] of COMPLETION_CASES) {
    const { stdout } = await run(
      'fish',
      ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', scripts.get(programOf(line)) ?? '', line],
      {
        cwd: place,
        env: { ...process.env, HOME: folder },
      },
    );
    const offered = stdout
      .split('\n')
      .map((entry) => entry.replace(/\t.*/, ''))
      .filter((word) => word !== '');
    assert.deepEqual(offered.toSorted(), expected, line);
  }
});

test('zsh completes commands, options, choices and files', async () => {
  const scripts = await writeScripts('zsh');
  const output = join(folder, 'offered');
  const driver = join(import.meta.dirname, 'complete-in.zsh');
  for (const [line, expected] of COMPLETION_CASES) {
    await rm(output, { force: true });
    await run('zsh', ['-f', driver, scripts.get(programOf(line)) ?? '', output, line], { cwd: place, timeout: 30_000 });
    const [last, ...offered] = (await readFile(output, 'utf8')).trim().split('\n').toReversed();
    assert.equal(last, 'done', line);
    assert.deepEqual([...new Set(offered.filter((word) => word !== ''))].toSorted(), expected, line);
  }
});

for (const [name, text] of renderManPages('1.2.3'))
  test(`mandoc and man have no fault to find with the manual page of ${name} but that it bears no date`, async () => {
    const page = join(folder, `${name}.1`);
    await writeFile(page, text);
    const lint = await run('mandoc', ['-T', 'lint', '-W', 'warning', page]).catch((error: { stdout: string }) => error);
    const faults = lint.stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'));
    assert.deepEqual(faults, []);
    const { stdout, stderr } = await run('man', ['--warnings', '-l', page], {
      env: { ...process.env, MANWIDTH: '80' },
    });
    assert.equal(stderr, '');
    assert.match(stdout, /--debug/);
  });
