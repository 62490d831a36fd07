import { spawn } from 'node:child_process';
import type { Environment } from '../../config/environment.ts';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { ExitCode } from '../exit-code.ts';
import type { RunView } from './run-state.ts';

/** How long the command may take. */
const TIME_LIMIT_MS = 60_000;
/** How long it may take to end once it is asked to. */
const GRACE_MS = 2000;
/** Lines of what it says that are passed on. */
const SAID_LINES = 20;

/** What it gets of the environment besides the result: nothing that could hold a secret. */
const PASSED_ON = /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|HOSTNAME)$/;

/** The result as the command finds it in its environment. Numbers are written without units: documents, bytes, seconds. */
export const finishEnvironment = (
  environment: Environment,
  command: string,
  exit: ExitCode,
  view: RunView | undefined,
): Record<string, string> => {
  const result: Record<string, string | number | undefined> = {
    COMMAND: command,
    EXIT: exit,
    OUTCOME: view?.end?.outcome ?? 'not-begun',
    ID: view?.identity.migrationId,
    FROM: view?.identity.from,
    TO: view?.identity.to,
    PLANNED: view?.progress.planned,
    COPIED: view?.progress.documents,
    COPIED_BYTES: view?.progress.bytes,
    FAILED: view?.progress.failures,
    RETRIES: view?.progress.retries,
    SWITCHED: view?.progress.switched,
    SWITCH_SECONDS: view?.progress.switchSeconds?.toFixed(3),
    CLEANED: view?.progress.cleaned,
    SECONDS: view?.elapsedSeconds.toFixed(1),
    ERROR: view?.end?.errorText,
  };
  return {
    ...Object.fromEntries(
      Object.entries(environment).filter(
        (entry): entry is [string, string] => PASSED_ON.test(entry[0]) && entry[1] !== undefined,
      ),
    ),
    ...Object.fromEntries(
      Object.entries(result).flatMap(([name, value]) =>
        value === undefined ? [] : [[`ANCHORE_MIGRATION_${name}`, String(value)]],
      ),
    ),
  };
};

/**
 * Runs the operator's command when a run has ended, and says where it failed. Its own process group, so that a Ctrl-C meant
 * for the migration does not end it; after the time limit all of it is ended.
 */
export const runOnFinish = async (
  command: string,
  environment: Readonly<Record<string, string>>,
  log: Log,
  timeLimitMs = TIME_LIMIT_MS,
): Promise<void> => {
  const child = spawn('/bin/sh', ['-c', command], {
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(0, 64 * 1024)));
  const signalAll = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // it has ended meanwhile
    }
  };
  let late = false;
  const timers = [
    setTimeout(() => {
      late = true;
      signalAll('SIGTERM');
    }, timeLimitMs),
    setTimeout(() => {
      signalAll('SIGKILL');
      // What has left the group may still hold the pipes.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeLimitMs + GRACE_MS),
  ];
  const ending = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${messageOf(error)}`));
    child.once('close', (code, signal) => {
      if (late) resolve(`did not end within ${timeLimitMs / 1000} s, and was ended`);
      else resolve(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`);
    });
  });
  for (const timer of timers) clearTimeout(timer);
  for (const line of said.trimEnd().split('\n').slice(0, SAID_LINES)) if (line !== '') log.info(`--on-finish: ${line}`);
  if (ending !== undefined) log.error(`The command of --on-finish ${ending}; the result of the migration is as it was`);
};
