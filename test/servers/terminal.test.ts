import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConfigs, type TemporaryConfigs } from '../manager/temporary-configs.ts';
import { MANAGER, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';

const run = promisify(execFile);

let folder: string;
let configs: TemporaryConfigs;
let database: TestDatabase;
let migrate: readonly string[];

const BROKEN = `("archiveId", "userId", bucket) = (SELECT "archiveId", "userId", bucket FROM archive_document ORDER BY bucket, "archiveId" LIMIT 1)`;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'terminal-test-'));
  configs = await createConfigs();
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  await database.query(`UPDATE archive_document SET jsondata = 'short' WHERE ${BROKEN}`);
  const [from, to] = [await configs.write('config.yaml', 'db'), await configs.write('dest-config.yaml', 'db2')];
  migrate = ['migrate', from, to, '--dontask', '--nodelete', '--skip-failed', '--requests-per-second', '2'];
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Terminal extends AsyncDisposable {
  /** The lines that are seen; with `escapes`, as they are coloured; with `joined`, lines that go on are one. */
  look(options?: { readonly escapes?: boolean; readonly joined?: boolean }): Promise<readonly string[]>;
  until(what: string, condition: (lines: readonly string[]) => boolean): Promise<readonly string[]>;
  resize(columns: number): Promise<void>;
  press(key: string): Promise<void>;
}

let terminals = 0;

/** A real terminal, in which the real command runs; what it showed last stays. */
const openTerminal = async (
  columns: number,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Terminal> => {
  const socket = join(folder, `tmux-${(terminals += 1)}`);
  const tmux = async (...more: readonly string[]): Promise<string> =>
    (await run('tmux', ['-S', socket, '-f', '/dev/null', ...more], { env: { ...process.env, TERM: 'xterm-256color' } }))
      .stdout;
  const hooks = JSON.stringify({ settings: { batchSize: 10, batchesInFlight: 1 } });
  const variables = {
    LC_ALL: 'C.UTF-8',
    ANCHORE_DB_CONNECT: database.url,
    ANCHORE_MANAGER_TEST_HOOKS: hooks,
    ...environment,
  };
  const quoted = [MANAGER, 'archivestorage', ...args].map((word) => `'${word}'`).join(' ');
  const set = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  const command = `env ${set.join(' ')} ${quoted}; echo "ended with $?"; sleep 600`;
  await tmux('new-session', '-d', '-x', String(columns), '-y', '30', command);
  const look: Terminal['look'] = async ({ escapes = false, joined = false } = {}) =>
    (await tmux('capture-pane', '-p', ...(escapes ? ['-e'] : []), ...(joined ? ['-J'] : []))).trimEnd().split('\n');
  return {
    look,
    until: async (what, condition) => {
      let seen: readonly string[] = [];
      for (let tries = 0; tries < 600; tries += 1) {
        seen = await look({ joined: true });
        if (condition(seen)) return look();
        await sleep(100);
      }
      throw new Error(`never ${what}:\n${seen.join('\n')}`);
    },
    resize: async (to) => void (await tmux('resize-window', '-x', String(to), '-y', '30')),
    press: async (key) => void (await tmux('send-keys', key)),
    [Symbol.asyncDispose]: async () => void (await tmux('kill-server').catch(() => undefined)),
  };
};

const isHead = (line: string): boolean => /^Migration \d+: db (?:→|->) db2/.test(line);
const isCopying = (lines: readonly string[]): boolean =>
  lines.some((line) => /\bCopying\b/.test(line)) && lines.some((line) => / [1-9]\d* %/.test(line));

/** One frame, at the end of what is seen, whole, and no wider than the terminal. */
const checkFrame = (lines: readonly string[], columns: number): void => {
  const text = lines.join('\n');
  const heads = lines.filter(isHead);
  assert.equal(heads.length, 1, text);
  const frame = lines.slice(lines.findIndex(isHead));
  for (const line of frame) assert.ok(line.length < columns, text);
  const all = frame.join(' ');
  for (const figure of [
    /\d+ of \d+ documents/,
    /\d+ %/,
    /documents\/s/,
    /(?:B|bytes)\/s/,
    /in flight/,
    /retr/,
    /1 failed/,
  ])
    assert.match(all, figure, text);
  assert.ok(frame.length <= (columns >= 160 ? 3 : columns >= 80 ? 5 : 7), text);
};

for (const columns of [60, 80, 160]) {
  test(`the live view at ${columns} columns: drawn in its place, errors above it, gone at the end`, async () => {
    await using terminal = await openTerminal(columns, migrate);
    checkFrame(
      await terminal.until('copied', (lines) => isCopying(lines) && lines.some((line) => /1 failed/.test(line))),
      columns,
    );
    const joined = await terminal.look({ joined: true });
    const failure = joined.findIndex((line) => /Failed: .*document\.wrong-size/.test(line));
    assert.ok(failure >= 0 && failure < joined.findIndex(isHead), joined.join('\n'));
    assert.match((await terminal.look({ escapes: true })).join('\n'), /\u001B\[31m1 failed/);

    await terminal.resize(45);
    await sleep(700);
    checkFrame(await terminal.look(), 45);
    await terminal.resize(columns);
    await sleep(700);
    checkFrame(await terminal.look(), columns);

    await terminal.press('C-c');
    const after = await terminal.until('ended', (lines) => lines.some((line) => line === 'ended with 130'));
    assert.equal(after.filter(isHead).length, 0, after.join('\n'));
    assert.ok(
      after.some((line) => line.startsWith('Stopping at the next safe place')),
      after.join('\n'),
    );
    const errorOf = (lines: readonly string[]): readonly string[] =>
      lines.slice(lines.findIndex((line) => line.startsWith('Error: '))).map((line) => line.trimEnd());
    assert.deepEqual(
      errorOf(after),
      errorOf(await terminal.look({ joined: true })),
      'it is not for the terminal to break',
    );
  });
}

test('watch shows the same elsewhere; without colours, or without a Unicode locale', async () => {
  await using working = await openTerminal(80, migrate, { NO_COLOR: '1' });
  await working.until('copied', isCopying);
  await using watching = await openTerminal(100, ['watch'], { LC_ALL: 'C' });
  const lines = await watching.until('copied', isCopying);
  const head = lines.find(isHead) ?? '';
  assert.match(head, /db -> db2/);
  assert.match(lines.join('\n'), /^#*\.+ +\d+ %/m);
  assert.doesNotMatch((await working.look({ escapes: true })).join('\n'), /\u001B\[(?!0?m)/);

  const ask = async (...args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await runManager(['archivestorage', '--db-connect', database.url, ...args]);
    assert.equal(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  };
  const id = /Migration (\d+)/.exec(head)?.[1] ?? '';
  await ask('pause', id);
  for (const terminal of [working, watching])
    await terminal.until('paused', (seen) => seen.some((line) => /\bpaused\b/.test(line)));
  await ask('limit', id, '--requests-per-second', 'none');
  await ask('resume', id);
  for (const terminal of [working, watching]) {
    const seen = await terminal.until('ended', (all) => all.some((line) => line === 'ended with 1'));
    assert.equal(seen.filter(isHead).length, 0, seen.join('\n'));
  }
});
