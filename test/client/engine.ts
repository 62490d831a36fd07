import { createPlace, type EnginePlace, PASSWORD } from '../engine/engine-harness.ts';
import { EngineProcess } from '../engine/engine-process.ts';
import { type CliOptions, type Ended, runCli } from './cli.ts';

/** A real service, and the command as its administrator. */
export interface ServedPlace extends AsyncDisposable {
  readonly place: EnginePlace;
  readonly engine: EngineProcess;
  /** With /v1. */
  readonly url: string;
  readonly cli: (args: readonly string[], options?: CliOptions) => Promise<Ended>;
}

export const servePlace = async (): Promise<ServedPlace> => {
  const place = await createPlace();
  const engine = await EngineProcess.start(['-c', await place.configure()]);
  const url = `${engine.urlOf('apiext')}/v1`;
  const connection = { ANCHORE_CLI_URL: url, ANCHORE_CLI_USER: 'admin', ANCHORE_CLI_PASS: PASSWORD };
  return {
    place,
    engine,
    url,
    cli: (args, options = {}) => runCli(args, { ...options, environment: { ...connection, ...options.environment } }),
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
};
