import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { findServerUser, makeServerFolder, placeBinaries } from '../../test/support/postgres-binaries.ts';
import { createCluster } from '../../test/support/postgres-cluster.ts';
import { SHARED_SERVER_SETTINGS } from '../../test/support/postgres.ts';
import { type ServerState, startProcess, stopProcess, type TestServer, waitUntilReady } from './server.ts';

/**
 * PostgreSQL from the npm package that all tests use. It refuses to run as root, and is then given an ordinary user and
 * a folder that this one can enter.
 */
const start = async (): Promise<ServerState> => {
  const owner = await findServerUser();
  const folder = await makeServerFolder(owner);
  try {
    const binaries = await placeBinaries(folder, owner);
    const cluster = await createCluster({ folder, binaries, owner, settings: SHARED_SERVER_SETTINGS });
    const { port, password } = cluster;
    const process = await startProcess(join(binaries, 'bin/postgres'), ['-D', cluster.dataFolder], {
      logFile: join(folder, 'server.log'),
      spawning: cluster.spawning,
    });
    const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
    const state: ServerState = {
      name: 'postgres',
      folder,
      processes: [process],
      ports: { postgres: port },
      credentials: { url, binaries, user: 'postgres', password },
    };
    try {
      await waitUntilReady('postgres', state.processes, () => probe(url));
      return state;
    } catch (error) {
      await stop(state);
      throw error;
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};

const probe = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.end();
};

/** With SIGINT it ends its sessions; with the usual signal it would wait for them. */
const stop = async (state: ServerState): Promise<void> => {
  await Promise.all(state.processes.map((each) => stopProcess(each, 'SIGINT')));
  await rm(state.folder, { recursive: true, force: true });
};

export const server: TestServer = { name: 'postgres', available: async () => true, start, stop };
