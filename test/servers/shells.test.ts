import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { describeProgram } from '../../src/manager/command-line/describe-program.ts';
import { createProgram } from '../../src/manager/command-line/program.ts';
import { renderManPage } from '../../src/manager/manual/man-page.ts';
import { COMPLETION_CASES } from '../support/completion-cases.ts';
import { runManager } from '../support/manager.ts';

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

const writeScript = async (shell: string): Promise<string> => {
  const { code, stdout } = await runManager(['completion', shell]);
  assert.equal(code, 0);
  const script = join(folder, `completion.${shell}`);
  await writeFile(script, stdout);
  return script;
};

test('fish completes commands, options, choices and files', async () => {
  const script = await writeScript('fish');
  for (const [line, expected] of COMPLETION_CASES) {
    const { stdout } = await run('fish', ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line], {
      cwd: place,
      env: { ...process.env, HOME: folder },
    });
    const offered = stdout
      .split('\n')
      .map((entry) => entry.replace(/\t.*/, ''))
      .filter((word) => word !== '');
    assert.deepEqual(offered.toSorted(), expected, line);
  }
});

test('zsh completes commands, options, choices and files', async () => {
  const script = await writeScript('zsh');
  const output = join(folder, 'offered');
  const driver = join(import.meta.dirname, 'complete-in.zsh');
  for (const [line, expected] of COMPLETION_CASES) {
    await rm(output, { force: true });
    await run('zsh', ['-f', driver, script, output, line], { cwd: place, timeout: 30_000 });
    const [last, ...offered] = (await readFile(output, 'utf8')).trim().split('\n').toReversed();
    assert.equal(last, 'done', line);
    assert.deepEqual([...new Set(offered.filter((word) => word !== ''))].toSorted(), expected, line);
  }
});

test('mandoc and man have no fault to find with the manual page but that it bears no date', async () => {
  const page = join(folder, 'anchore-manager.1');
  const program = createProgram(
    async () => undefined,
    '1.2.3',
    () => undefined,
  );
  await writeFile(page, renderManPage(describeProgram(program), '1.2.3'));
  const lint = await run('mandoc', ['-T', 'lint', '-W', 'warning', page]).catch((error: { stdout: string }) => error);
  const faults = lint.stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'));
  assert.deepEqual(faults, []);
  const { stdout, stderr } = await run('man', ['--warnings', '-l', page], { env: { ...process.env, MANWIDTH: '80' } });
  assert.equal(stderr, '');
  assert.match(stdout, /--db-connect/);
});
