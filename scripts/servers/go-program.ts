import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** A server written in Go, built from its source at one version, and kept in the user's cache for the next time. */
export interface GoProgram {
  /** Whether it is built already, or Go is there to build it. */
  available(): Promise<boolean>;
  /** The path of the program, built if need be: the first time takes minutes and the network. */
  build(): Promise<string>;
}

export interface GoSource {
  readonly name: string;
  /** As `go install` takes it, without the version. */
  readonly package: string;
  readonly version: string;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const hasGo = (): Promise<boolean> =>
  run('go', ['version']).then(
    () => true,
    () => false,
  );

export const describeGoProgram = (source: GoSource): GoProgram => {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const path = join(cache, 'anchore-archive-mover', `${source.name}-${source.version}`, source.name);
  return {
    available: async () => (await exists(path)) || (await hasGo()),
    build: async () => {
      if (await exists(path)) return path;
      await mkdir(dirname(path), { recursive: true });
      const folder = await mkdtemp(join(dirname(path), 'build-'));
      try {
        await run('go', ['install', '-ldflags=-s -w', `${source.package}@${source.version}`], {
          env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
          timeout: BUILD_TIMEOUT_MS,
          maxBuffer: 64 * 1024 * 1024,
        });
        // Complete or not there at all, also where two runs build it at once.
        await rename(join(folder, source.name), path);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      return path;
    },
  };
};
