import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeGoProgram } from './go-program.ts';
import {
  findFreePorts,
  type ServerState,
  startProcess,
  stopProcess,
  type TestServer,
  waitUntilReady,
} from './server.ts';

const VERSION = 'v1.8.0';

/** Versity's S3 gateway in front of a folder: it checks signatures, checksums and the clock. */
const program = describeGoProgram({
  name: 'versitygw',
  package: 'github.com/versity/versitygw/cmd/versitygw',
  version: VERSION,
});

/** Not the one that clients begin with, so that they must find it. */
const REGION = 'eu-west-7';

const start = async (folder: string): Promise<ServerState> => {
  const command = await program.build();
  await rm(folder, { recursive: true, force: true });
  const data = join(folder, 'data');
  const versions = join(folder, 'versions');
  const users = join(folder, 'users');
  await Promise.all([data, versions, users].map((path) => mkdir(path, { recursive: true })));
  const [port = 0] = await findFreePorts(1);
  const credentials = {
    s3Url: `http://127.0.0.1:${port}`,
    s3AccessKey: `access${randomBytes(7).toString('hex')}`,
    s3SecretKey: randomBytes(20).toString('hex'),
    s3Region: REGION,
    command,
  };
  // In the environment, not in the arguments, which every user of the machine can read.
  const environment = { ROOT_ACCESS_KEY: credentials.s3AccessKey, ROOT_SECRET_KEY: credentials.s3SecretKey };
  const args = ['--port', `127.0.0.1:${port}`, '--region', REGION, '--keep-alive', '--quiet', '--iam-dir', users];
  const process = await startProcess(command, [...args, 'posix', '--versioning-dir', versions, data], {
    logFile: join(folder, 'versitygw.log'),
    environment,
  });
  const state: ServerState = { name: 'versitygw', folder, processes: [process], ports: { s3: port }, credentials };
  try {
    await waitUntilReady('versitygw', state.processes, async () => {
      await (await fetch(credentials.s3Url)).arrayBuffer();
    });
    return state;
  } catch (error) {
    await stop(state);
    throw error;
  }
};

const stop = async (state: ServerState): Promise<void> => {
  await Promise.all(state.processes.map((each) => stopProcess(each)));
};

export const server: TestServer = {
  name: 'versitygw',
  available: () => program.available(),
  findVersion: async () => VERSION,
  start,
  stop,
};
