import { EngineProcess } from './engine-process.ts';
import type { Place } from './place.ts';
import type { Transcript } from './transcript.ts';

export const START = 'anchore-engine start -c config/config.yaml';
const WAIT = 'anchore-cli system wait --timeout 60 --interval 0.1';
export const MANAGER = 'anchore-manager archivestorage --db-connect ${db}';

/** A command with what it printed. */
export interface Played {
  readonly line: string;
  readonly output: string;
}

/** Where the guide is played: the place, its service, and what was shown. */
export class Stage implements AsyncDisposable {
  readonly place: Place;
  readonly transcript: Transcript;
  #engine: EngineProcess | undefined;
  #said = '';

  constructor(place: Place, transcript: Transcript) {
    this.place = place;
    this.transcript = transcript;
  }

  async run(line: string): Promise<Played> {
    const output = await this.place.shell.run(line);
    this.#said += output;
    return { line, output };
  }

  /** Runs what asks whether the services are stopped. */
  async runAnswering(line: string): Promise<Played> {
    const output = await this.place.shell.runAnswering(line, 'y');
    this.#said += output;
    return { line, output };
  }

  /** Returns when the service can be used; what the waiting said. */
  async startEngine(): Promise<string> {
    this.#engine = EngineProcess.start(this.place.shell, START);
    return (await this.run(WAIT)).output;
  }

  /** Throws where the service does not end in good order. */
  async stopEngine(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    if (engine === undefined) throw new Error('the service does not run');
    await engine.stop();
    this.#said += engine.log;
  }

  /** Throws where a secret of the place was shown or logged. */
  expectNoSecret(): void {
    const { password, postgres, shell } = this.place;
    for (const secret of [password, postgres.password, shell.environment['S3_SECRET_KEY'] ?? ''])
      if (secret === '' || this.#said.includes(secret)) throw new Error('a secret was shown or logged');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
  }
}
