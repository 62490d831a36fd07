import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { canInstallPackages } from './debian.ts';
import {
  type ServerState,
  type TestServer,
  findFreePorts,
  startProcess,
  stopProcess,
  waitUntilReady,
} from './server.ts';
import { type SwiftSettings, planSwiftConfiguration } from './swift-configuration.ts';

/**
 * OpenStack Swift from Debian's packages (`swift swift-proxy swift-account swift-container swift-object memcached`): one
 * node, one replica; Swift's own API and S3's (the `s3api` filter) on one port; users of TempAuth, and of Keystone where
 * one is named. Runs as root or as any user; the folder must lie on a file system with extended attributes.
 */

const run = promisify(execFile);
const PYTHON = '/usr/bin/python3';
const MEMCACHED = '/usr/bin/memcached';
const LAUNCHER = fileURLToPath(new URL('swift-launcher.py', import.meta.url));
const STORAGE = ['account', 'container', 'object'] as const;

export interface SwiftStartOptions {
  /** The largest object that the cluster takes, in bytes; default 5 GiB, as in Swift. */
  readonly maxFileSizeBytes?: number;
  /** A Keystone whose tokens are accepted too. */
  readonly keystone?: SwiftSettings['keystone'];
}

const available = async (): Promise<boolean> => {
  try {
    await Promise.all([
      access(MEMCACHED),
      run(PYTHON, ['-c', 'import swift.proxy.server, swift.obj.server, swift.account.server, swift.container.server']),
    ]);
    return true;
  } catch {
    return false;
  }
};

/** Swift keeps what it knows of an object in extended attributes of its file. */
const checkExtendedAttributes = async (folder: string): Promise<void> => {
  const script =
    'import os, sys; os.setxattr(sys.argv[1], "user.probe", b"x"); os.removexattr(sys.argv[1], "user.probe")';
  await run(PYTHON, ['-c', script, folder]).catch((error: unknown) => {
    throw new Error(`${folder} lies on a file system without extended attributes`, { cause: error });
  });
};

const buildRings = (folder: string, ports: Readonly<Record<(typeof STORAGE)[number], number>>): Promise<unknown> =>
  Promise.all(
    STORAGE.map(async (name) => {
      const builder = join(folder, `${name}.builder`);
      // 2^4 partitions: few folders, and a ring that is balanced at once.
      await run('/usr/bin/swift-ring-builder', [builder, 'create', '4', '1', '0']);
      await run('/usr/bin/swift-ring-builder', [builder, 'add', `r1z1-127.0.0.1:${ports[name]}/disk`, '1']);
      await run('/usr/bin/swift-ring-builder', [builder, 'rebalance']);
    }),
  );

export const startSwift = async (folder: string, options: SwiftStartOptions = {}): Promise<ServerState> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'devices', 'disk'), { recursive: true });
  await checkExtendedAttributes(folder);
  const [proxy = 0, account = 0, container = 0, object = 0, memcached = 0] = await findFreePorts(5);
  const ports = { proxy, account, container, object, memcached };
  const user = userInfo().username;
  const password = randomBytes(16).toString('hex');
  const settings: SwiftSettings = {
    folder,
    user,
    ports,
    password,
    hashSuffix: randomBytes(16).toString('hex'),
    maxFileSizeBytes: options.maxFileSizeBytes ?? 5 * 1024 ** 3,
    keystone: options.keystone,
  };
  for (const [name, text] of Object.entries(planSwiftConfiguration(settings)))
    await writeFile(join(folder, name), text, { mode: 0o600 });
  await buildRings(folder, ports);

  const processes = [
    await startProcess(MEMCACHED, ['-l', '127.0.0.1', '-p', String(memcached), '-U', '0', '-m', '16', '-u', user], {
      logFile: join(folder, 'memcached.log'),
    }),
  ];
  const state = (): ServerState => ({
    name: 'swift',
    folder,
    processes: [...processes],
    ports,
    credentials: {
      authUrl: `http://127.0.0.1:${proxy}/auth/v1.0`,
      user: 'test:tester',
      key: password,
      // With TempAuth, `s3api` takes the user's name and key as an S3 key pair.
      s3Url: `http://127.0.0.1:${proxy}`,
      s3AccessKey: 'test:tester',
      s3SecretKey: password,
      reader: 'test:reader',
    },
  });
  try {
    for (const name of [...STORAGE, 'proxy']) {
      processes.push(
        await startProcess(PYTHON, ['-u', LAUNCHER, folder, name], { logFile: join(folder, `${name}.log`) }),
      );
    }
    await waitUntilReady('swift', processes, () => probe(state()));
    return state();
  } catch (error) {
    await stop(state());
    throw error;
  }
};

/** Ready once an object has gone through all of its servers. */
const probe = async (state: ServerState): Promise<void> => {
  const { authUrl = '', user = '', key = '' } = state.credentials;
  const login = await fetch(authUrl, { headers: { 'x-auth-user': user, 'x-auth-key': key } });
  const url = login.headers.get('x-storage-url') ?? '';
  const headers = { 'x-auth-token': login.headers.get('x-auth-token') ?? '' };
  for (const [method, path, expected] of [
    ['PUT', '/ready', 201],
    ['PUT', '/ready/ready', 201],
    ['DELETE', '/ready/ready', 204],
    ['DELETE', '/ready', 204],
  ] as const) {
    const answer = await fetch(url + path, { method, headers, ...(method === 'PUT' ? { body: '' } : {}) });
    await answer.body?.cancel();
    if (answer.status !== expected && !(method === 'PUT' && answer.status === 202)) {
      throw new Error(`${method} ${path}: ${answer.status}`);
    }
  }
};

const stop = async (state: ServerState): Promise<void> => {
  await Promise.all(state.processes.map((each) => stopProcess(each)));
};

export const server: TestServer = {
  name: 'swift',
  available,
  obtainable: canInstallPackages,
  findVersion: async () => (await run(PYTHON, ['-c', 'import swift; print(swift.__version__)'])).stdout.trim(),
  start: (folder) => startSwift(folder),
  stop,
};

/** A folder for a server that only lives as long as a test. */
export const temporaryServerFolder = (name: string): string =>
  join(tmpdir(), `${name}-${randomBytes(6).toString('hex')}`);
