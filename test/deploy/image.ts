import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What an image would hold, made in a folder, since a test cannot have a container engine. */
export interface Image {
  /** The folder that stands for `/` in the last stage. */
  readonly root: string;
  readonly workdir: string;
  /** The environment that the Dockerfile sets, its paths below `root`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly user: string | undefined;
}

interface Stage {
  readonly root: string;
  workdir: string;
  user: string | undefined;
  command: readonly string[];
  readonly environment: Record<string, string>;
}

/** Runs the instructions of a Dockerfile in `folder`; the base image is this machine, with the Node that runs the tests. */
export const buildImage = async (dockerfile: string, context: string, folder: string): Promise<Image> => {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const line of (await readFile(dockerfile, 'utf8')).split('\n')) {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === '') continue;
    if (instruction === 'FROM') {
      const name = / AS (\S+)$/.exec(rest)?.[1] ?? 'last';
      stage = { root: join(folder, name), workdir: '/', user: undefined, command: [], environment: {} };
      stages.set(name, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${line}: before FROM`);
    await perform(stage, instruction, rest, context, stages);
  }
  if (stage === undefined) throw new Error(`${dockerfile} has no stage`);
  return stage;
};

const perform = async (
  stage: Stage,
  instruction: string,
  rest: string,
  context: string,
  stages: ReadonlyMap<string, Stage>,
): Promise<void> => {
  const folder = join(stage.root, stage.workdir);
  switch (instruction) {
    case 'WORKDIR':
      stage.workdir = rest;
      await mkdir(join(stage.root, rest), { recursive: true });
      return;
    case 'ENV': {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(rest) ?? [];
      stage.environment[name] = name === 'PATH' ? value.replace(/^\//, `${stage.root}/`) : value;
      return;
    }
    case 'COPY': {
      const [, from, list = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
      const source = from === undefined ? context : stages.get(from)?.root;
      if (source === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
      const paths = list.split(' ');
      const target = paths.pop() ?? '';
      for (const path of paths) {
        const to = target.endsWith('/') ? join(folder, target, path.split('/').at(-1) ?? '') : join(folder, target);
        await mkdir(dirname(to), { recursive: true });
        await cp(join(source, path), to, { recursive: true, verbatimSymlinks: true });
      }
      return;
    }
    case 'RUN':
      await run('/bin/sh', ['-ec', rest], {
        cwd: folder,
        env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
        maxBuffer: 64 * 1024 * 1024,
      });
      return;
    case 'CMD':
      stage.command = JSON.parse(rest) as string[];
      return;
    case 'USER':
      stage.user = rest;
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`${instruction} is not understood here`);
  }
};
