import { randomBytes } from 'node:crypto';
import { access, chown, constants, mkdir, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { findServerUser, makeServerFolder } from '../../test/support/postgres-binaries.ts';
import { canInstallPackages } from './debian.ts';
import {
  findFreePorts,
  type ServerState,
  startProcess,
  stopProcess,
  type TestServer,
  waitUntilReady,
} from './server.ts';

/**
 * PgBouncer, the pooler that most people have, from Debian's package `pgbouncer`. Its databases `transaction`,
 * `transaction_narrow` (one connection) and `session` lead to a PostgreSQL that the test names: a link from
 * `postgres/.s.PGSQL.5432` in its folder to that server's socket. The test makes the role, with the password of the state.
 */
const findProgram = async (): Promise<string | undefined> => {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder, 'pgbouncer');
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
};

const planConfiguration = (folder: string, port: number): string => `
[databases]
transaction = host=${folder}/postgres port=5432 dbname=postgres pool_mode=transaction pool_size=5
transaction_narrow = host=${folder}/postgres port=5432 dbname=postgres pool_mode=transaction pool_size=1
session = host=${folder}/postgres port=5432 dbname=postgres pool_mode=session pool_size=5

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users.txt
server_tls_sslmode = disable
`;

const start = async (): Promise<ServerState> => {
  const command = await findProgram();
  if (command === undefined) throw new Error('pgbouncer is not installed');
  // It refuses to run as root, like PostgreSQL, and is given the same user.
  const user = await findServerUser();
  const folder = await makeServerFolder(user);
  const [port = 0] = await findFreePorts(1);
  const credentials = { user: 'pooled', password: randomBytes(12).toString('hex') };
  const configuration = join(folder, 'pgbouncer.ini');
  await mkdir(join(folder, 'postgres'));
  await writeFile(configuration, planConfiguration(folder, port));
  await writeFile(join(folder, 'users.txt'), `"${credentials.user}" "${credentials.password}"\n`);
  if (user !== undefined) {
    for (const name of ['pgbouncer.ini', 'users.txt', 'postgres']) await chown(join(folder, name), user.uid, user.gid);
  }
  const account = user === undefined ? [] : ['-u', 'nobody'];
  const process = await startProcess(command, [...account, configuration], { logFile: join(folder, 'pgbouncer.log') });
  const state: ServerState = {
    name: 'pgbouncer',
    folder,
    processes: [process],
    ports: { postgres: port },
    credentials,
  };
  try {
    await waitUntilReady('pgbouncer', state.processes, () => probe(port));
    return state;
  } catch (error) {
    await stop(state);
    throw error;
  }
};

const probe = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });

const stop = async (state: ServerState): Promise<void> => {
  await Promise.all(state.processes.map((each) => stopProcess(each)));
  await rm(state.folder, { recursive: true, force: true });
};

export const server: TestServer = {
  name: 'pgbouncer',
  available: async () => (await findProgram()) !== undefined,
  obtainable: canInstallPackages,
  start,
  stop,
};
