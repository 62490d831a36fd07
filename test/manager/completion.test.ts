import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { describePrograms, renderManPages } from '../../scripts/manual-pages.ts';
import { listPlaces } from '../../src/core/command-line/completion/places.ts';
import type { DescribedCommand } from '../../src/core/command-line/describe-program.ts';
import { COMPLETED_PROGRAMS, COMPLETION_CASES, programOf } from '../support/completion-cases.ts';
import { runManager } from '../support/manager.ts';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

const PROGRAMS = describePrograms('1.2.3').map(([program]) => program);

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-test-'));
  await writeFile(join(folder, 'config.yaml'), '');
});

after(() => rm(folder, { recursive: true, force: true }));

test('bash completes commands, options, choices and files', async () => {
  // All of them in one shell, as a person has them.
  const script = join(folder, 'completion.bash');
  const parts = await Promise.all(
    COMPLETED_PROGRAMS.map((name) => run(join(REPOSITORY, 'bin', name), ['completion', 'bash'])),
  );
  await writeFile(script, parts.map(({ stdout }) => stdout).join(''));
  // As bash calls it: with the line, and where the cursor stands in it.
  const call = 'source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; "$3" 2>&1; printf "%s\\n" "${COMPREPLY[@]}"';
  for (const [line, expected] of COMPLETION_CASES) {
    const complete = `_${programOf(line).replace('-', '_')}`;
    const finished = await run('bash', ['--norc', '-c', call, 'bash', script, line, complete], { cwd: folder });
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
  for (const program of PROGRAMS) {
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
  }
});

for (const program of PROGRAMS)
  test(`the manual page of ${program.name} names every command and option`, () => {
    const page = renderManPages('1.2.3').get(program.name) ?? '';
    const shown = page.replaceAll(/\\f[BIR]/g, '').replaceAll('\\-', '-');
    const check = (command: DescribedCommand): void => {
      assert.ok(shown.includes(command.name), command.name);
      for (const { names } of command.options)
        for (const name of names)
          assert.match(shown, new RegExp(`^(?:.*, )?${name}\\b`, 'm'), `${command.name} ${name}`);
      for (const inner of command.commands) check(inner);
    };
    check(program);
    assert.ok(shown.startsWith(`.TH "${program.name.toUpperCase()}" 1 `), shown.slice(0, 80));
    assert.match(shown, /^\.TH .*1\.2\.3/);
  });
