import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findServerUser } from './postgres-binaries.ts';
import type { PrivatePostgres } from './postgres.ts';

/** A standby that follows a private server by streaming. Disposing of it ends it. */
export interface Standby extends AsyncDisposable {
  /** What the primary calls it in `pg_stat_replication`. */
  readonly name: string;
  /** From now on it receives nothing, and stays connected, until `resume`. */
  pause(): Promise<void>;
  resume(): void;
}

const START_MS = 60_000;

/**
 * Copies the running server as a base backup would, and starts the copy. It lies in the server's own folder: when that is
 * removed, a standby that a killed test has left behind ends by itself.
 */
export const startStandby = async (primary: PrivatePostgres): Promise<Standby> => {
  const name = 'standby_of_a_test';
  const owner = await findServerUser();
  const data = join(primary.socketFolder, 'standby');
  const database = await primary.createDatabase();
  await using client = Object.assign(await database.connect(), {
    async [Symbol.asyncDispose]() {
      await client.end();
    },
  });
  await client.query(`SELECT pg_backup_start('standby', true)`);
  await promisify(execFile)('cp', ['-a', join(primary.socketFolder, 'data'), data], { ...owner });
  const stopped = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  await rm(join(data, 'postmaster.pid'), { force: true });
  const files = {
    'backup_label': stopped.rows[0]?.labelfile ?? '',
    'standby.signal': '',
    'postgresql.auto.conf':
      `listen_addresses = ''\nprimary_conninfo = 'host=127.0.0.1 port=${primary.port} user=${primary.user} ` +
      `password=${primary.password} application_name=${name}'\n`,
  };
  for (const [file, text] of Object.entries(files)) {
    await writeFile(join(data, file), text);
    if (owner !== undefined) await chown(join(data, file), owner.uid, owner.gid);
  }
  const child = spawn(join(primary.binaries, 'bin/postgres'), ['-D', data, '-c', 'port=1'], {
    cwd: data,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: 'ignore',
    ...owner,
  });
  const exited = once(child, 'exit');
  const findReceiver = async (): Promise<number | undefined> => {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,args=', '--ppid', String(child.pid)]);
    const line = stdout.split('\n').find((each) => each.includes('walreceiver'));
    return line === undefined ? undefined : Number.parseInt(line, 10);
  };
  let paused: number | undefined;
  const resume = (): void => {
    if (paused !== undefined) process.kill(paused, 'SIGCONT');
    paused = undefined;
  };
  const end = async (): Promise<void> => {
    resume();
    child.kill('SIGQUIT');
    await exited;
    await rm(data, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_MS;
  for (;;) {
    const { rows } = await client.query(
      `SELECT 1 FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming' AND flush_lsn IS NOT NULL`,
      [name],
    );
    if (rows.length > 0) break;
    if (child.exitCode !== null || Date.now() > deadline) {
      await end();
      throw new Error(`the standby did not start:\n${await primary.readLog()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    name,
    pause: async () => {
      paused = await findReceiver();
      if (paused === undefined) throw new Error('the standby has no WAL receiver');
      process.kill(paused, 'SIGSTOP');
    },
    resume,
    [Symbol.asyncDispose]: end,
  };
};
