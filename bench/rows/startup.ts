import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { REPOSITORY } from '../../test/support/source-files.ts';
import { getCompiledManager } from '../compiled-manager.ts';
import { BUILT, OURS } from '../contenders.ts';
import { type Command, MANAGER } from '../manager.ts';
import type { Sample } from '../result.ts';
import { alternate, type Bench, figuresOf, type Row } from '../row.ts';

/** One start says little: whatever else the machine does is a large part of it. */
const LEAST_STARTS = 15;

/** The launcher as a published package has it, beside the compiled program: it looks for Node first, which takes its time too. */
const packCompiled = async ({ place }: Bench): Promise<Command> => {
  const compiled = (await getCompiledManager()).at(-1) ?? '';
  const folder = await place.makeFolder('package');
  await cp(join(REPOSITORY, 'bin'), join(folder, 'bin'), { recursive: true });
  await symlink(dirname(dirname(compiled)), join(folder, 'dist'));
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  return [join(folder, 'bin/anchore-manager')];
};

/** From the start of the process to its end, without a shell in between. Throws where it fails. */
const startOnce = async ([program, ...before]: Command, signal: AbortSignal): Promise<Sample> => {
  const started = performance.now();
  const child = spawn(program, [...before, '--help'], { stdio: 'ignore', signal });
  const [code] = (await once(child, 'close')) as [number | null];
  const wallSeconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${program} --help ended with exit code ${code}`);
  return { wallSeconds, documents: 0 };
};

/** What completion, scripts and people wait for, whatever the command then does. */
export const startup: Row = {
  name: 'startup',
  title: 'A start that only shows its help',
  servers: [],
  measure: async (bench) => {
    const ways = [
      { name: OURS, command: MANAGER, what: 'start from sources (--help)', atMostMilliseconds: 150 },
      { name: BUILT, command: await packCompiled(bench), what: 'start, compiled (--help)', atMostMilliseconds: 100 },
    ];
    for (const { command } of ways) await startOnce(command, bench.signal); // fills Node's cache of compiled code
    await bench.settle();
    const starts = Math.max(LEAST_STARTS, bench.runs);
    const contenders = await alternate(
      bench,
      ways.map(({ name, command }) => ({ name, measure: () => startOnce(command, bench.signal) })),
      starts,
    );
    return {
      conditions: { starts },
      contenders,
      claims: ways.map(({ name, what, atMostMilliseconds }) => ({
        what,
        target: { bound: 'at most', value: atMostMilliseconds },
        unit: 'ms',
        values: figuresOf(contenders, name, ({ wallSeconds }) => wallSeconds * 1000),
      })),
    };
  },
};
