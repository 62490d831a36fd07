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

const VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c';

/** MinIO on one folder: the server that most people who run their own S3 have. */
const program = describeGoProgram({
  name: 'minio',
  package: 'github.com/minio/minio',
  version: VERSION,
});

const start = async (folder: string): Promise<ServerState> => {
  const command = await program.build();
  await rm(folder, { recursive: true, force: true });
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  const [port = 0, consolePort = 0] = await findFreePorts(2);
  const credentials = {
    s3Url: `http://127.0.0.1:${port}`,
    s3AccessKey: `access${randomBytes(7).toString('hex')}`,
    s3SecretKey: randomBytes(20).toString('hex'),
    s3Region: 'us-east-1',
  };
  const environment = {
    MINIO_ROOT_USER: credentials.s3AccessKey,
    MINIO_ROOT_PASSWORD: credentials.s3SecretKey,
    MINIO_BROWSER: 'off',
    MINIO_UPDATE: 'off',
    // It looks for its certificates and notes under the home folder otherwise.
    HOME: folder,
  };
  const addresses = ['--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${consolePort}`];
  const process = await startProcess(command, ['server', ...addresses, data], {
    logFile: join(folder, 'minio.log'),
    environment,
  });
  const state: ServerState = {
    name: 'minio',
    folder,
    processes: [process],
    ports: { s3: port, console: consolePort },
    credentials,
  };
  try {
    await waitUntilReady('minio', state.processes, async () => {
      const answer = await fetch(`${credentials.s3Url}/minio/health/ready`);
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`not ready: ${answer.status}`);
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
  name: 'minio',
  available: () => program.available(),
  findVersion: async () => VERSION,
  start,
  stop,
};
