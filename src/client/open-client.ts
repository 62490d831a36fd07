import type { Readable, Writable } from 'node:stream';
import { redact } from '../core/secrets.ts';
import type { ClientContext } from './context.ts';
import type { Environment } from './environment.ts';
import { openDispatcher } from './http/dispatcher.ts';
import { Service } from './http/service.ts';
import { createOutput } from './output.ts';
import { type ConnectionOptions, readSettings } from './settings.ts';

export interface OpenOptions {
  readonly connection: ConnectionOptions;
  readonly environment: Environment;
  readonly version: string;
  readonly json: boolean;
  readonly debug: boolean;
  readonly signal: AbortSignal;
  readonly streams: {
    readonly stdin: Readable;
    readonly stdout: Writable & { readonly isTTY?: boolean };
    readonly stderr: Writable & { readonly isTTY?: boolean };
  };
}

/** What commands work with. Nothing is sent yet. Throws `usage.invalid`, `config.*`. */
export const openClient = async (options: OpenOptions): Promise<ClientContext & AsyncDisposable> => {
  const { connection, environment, version, json, debug, signal, streams } = options;
  const settings = await readSettings(connection, environment);
  const say = (line: string): void => void streams.stderr.write(`${redact(line)}\n`);
  const dispatcher = await openDispatcher(settings, environment);
  const observe = (line: string): void => (debug ? say(line) : undefined);
  const service = new Service({ settings, dispatcher, version, signal, observe });
  return {
    ...streams,
    service,
    output: createOutput((text) => streams.stdout.write(text), json),
    say,
    signal,
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
};
