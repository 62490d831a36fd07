import type { Environment } from '../config/environment.ts';
import type { Console } from './console.ts';
import type { ExitCode } from './exit-code.ts';
import type { Terminal } from './prompt.ts';

/** The options of the groups `archivestorage` and `objectstorage`; undefined where they are left out. */
export interface GroupOptions {
  readonly dbConnect: string | undefined;
  readonly dbConnectFile: string | undefined;
  readonly configFile: string | undefined;
  readonly dbUseSsl: boolean;
  readonly dbRetries: number | undefined;
  readonly dbTimeoutSeconds: number | undefined;
  readonly dbConnectTimeoutSeconds: number | undefined;
}

/** What the composition root hands to a command. */
export interface CommandContext extends Pick<Console, 'log' | 'output' | 'screen' | 'quiet' | 'note'> {
  readonly environment: Environment;
  readonly terminal: Terminal;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  readonly toolVersion: string;
  readonly group: GroupOptions;
  /** Has work done when the command has ended and has said why, whatever its end. */
  readonly atEnd: (work: (exit: ExitCode) => Promise<void>) => void;
}

/** The arguments and options of one call, as the command line parser left them. */
export interface CommandInput {
  argument(index: number): string;
  flag(name: string): boolean;
  /** Every value of an option that may be repeated. */
  list(name: string): readonly string[];
  value(name: string): string | undefined;
}

export type Command = (context: CommandContext, input: CommandInput) => Promise<ExitCode>;
