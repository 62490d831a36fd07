import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { describeProgram, type DescribedCommand } from '../../src/manager/command-line/describe-program.ts';
import { createProgram } from '../../src/manager/command-line/program.ts';
import { listPlaces } from '../../src/manager/completion/places.ts';
import { renderManPage } from '../../src/manager/manual/man-page.ts';
import { COMPLETION_CASES } from '../support/completion-cases.ts';
import { runManager } from '../support/manager.ts';

const run = promisify(execFile);

const program = describeProgram(
  createProgram(
    async () => undefined,
    '1.2.3',
    () => undefined,
  ),
);

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-test-'));
  await writeFile(join(folder, 'config.yaml'), '');
});

after(() => rm(folder, { recursive: true, force: true }));

test('bash completes commands, options, choices and files', async () => {
  const { code, stdout } = await runManager(['completion', 'bash']);
  assert.equal(code, 0);
  const script = join(folder, 'completion.bash');
  await writeFile(script, stdout);
  // As bash calls it: with the line, and where the cursor stands in it.
  const call = 'source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _anchore_manager 2>&1; printf "%s\\n" "${COMPREPLY[@]}"';
  for (const [line, expected] of COMPLETION_CASES) {
    const finished = await run('bash', ['--norc', '-c', call, 'bash', script, line], { cwd: folder });
    const offered = finished.stdout.split('\n').filter((word) => word !== '' && word !== 'completion.bash');
    assert.deepEqual(offered.toSorted(), expected, line);
  }
});

test('a shell that is not known', async () => {
  const { code, stderr } = await runManager(['completion', 'tcsh']);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /Allowed choices are bash, zsh, fish\.\n.*\n {2}remedy: See: anchore-manager completion --help\.\n/,
  );
});

test('an option that takes a value takes one of the same kind wherever it stands', () => {
  const kinds = new Map<string, string>();
  for (const { options, path } of listPlaces(program)) {
    for (const { names, value } of options) {
      for (const name of names) {
        const kind = JSON.stringify(value ?? 'none');
        assert.equal(kinds.get(name) ?? kind, kind, `${path} ${name}: completion tells options apart by name alone`);
        kinds.set(name, kind);
      }
    }
  }
});

test('the manual page names every command and option', () => {
  const page = renderManPage(program, '1.2.3');
  const shown = page.replaceAll(/\\f[BIR]/g, '').replaceAll('\\-', '-');
  const check = (command: DescribedCommand): void => {
    assert.ok(shown.includes(command.name), command.name);
    for (const { names } of command.options)
      for (const name of names) assert.match(shown, new RegExp(`^(?:.*, )?${name}\\b`, 'm'), `${command.name} ${name}`);
    for (const inner of command.commands) check(inner);
  };
  check(program);
  assert.match(shown, /^\.TH "ANCHORE-MANAGER" 1 .*1\.2\.3/);
});
