import type { Readable, Writable } from 'node:stream';
import type { Service } from './http/service.ts';
import type { Output } from './output.ts';

/**
 * How the command ends, as the original's: 0 done; 1 the service refused it (any answer but 2xx, 401 and 500); 2 usage, no
 * access, or the service failed; 130 interrupted.
 */
export type ExitCode = 0 | 1 | 2 | 130;

/** What the commands see of the world. */
export interface ClientContext {
  readonly service: Service;
  readonly output: Output;
  readonly stdin: Readable;
  /** For content, which goes out as it is. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** For what a person watches. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** A line for a person, on standard error. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export type Command = (context: ClientContext) => Promise<ExitCode>;
