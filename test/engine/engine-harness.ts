import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/engine/engine-log.ts';
import { type Engine, startEngine, type StartOptions } from '../../src/engine/start-engine.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';

export interface EnginePlace extends AsyncDisposable {
  readonly folder: string;
  readonly database: TestDatabase;
  /** Writes a configuration; `archive` is YAML flow text of the archive's section. */
  configure(options?: ConfigOptions): Promise<string>;
}

export interface ConfigOptions {
  readonly name?: string;
  readonly archive?: string;
  /** Further lines of the file, such as users. */
  readonly more?: string;
  /** Further keys of `services.catalog`, one a line, indented by four. */
  readonly catalog?: string;
  /** The same of `services.apiext`. */
  readonly apiext?: string;
  readonly services?: readonly ('apiext' | 'catalog')[];
  readonly listen?: string;
}

export const DB_ARCHIVE = '{storage_driver: {name: db, config: {}}}';

/** A folder and a database of its own for one service or several. */
export const createPlace = async (template: 'empty' | 'fixture' = 'empty'): Promise<EnginePlace> => {
  const folder = await mkdtemp(join(tmpdir(), 'test-engine-'));
  const database = await (await getTestPostgres()).createDatabase({ template });
  return {
    folder,
    database,
    configure: async (options = {}) => {
      const file = join(folder, options.name ?? 'config.yaml');
      const { services = ['apiext', 'catalog'], listen = '127.0.0.1', archive = DB_ARCHIVE } = options;
      const section = (name: 'apiext' | 'catalog', rest = ''): string =>
        `  ${name}:\n    enabled: ${services.includes(name)}\n    listen: ${listen}\n    port: 0\n    endpoint_hostname: 127.0.0.1\n${rest}`;
      await writeFile(
        file,
        `host_id: host-${options.name ?? 'one'}\nservices:\n${section('apiext', options.apiext)}${section('catalog', `    object_store: ${archive}\n${options.catalog ?? ''}`)}` +
          `credentials:\n  database: {db_connect: '${database.url}', db_connect_args: {timeout: 30}}\n${options.more ?? 'default_admin_password: secret-admin\n'}`,
      );
      return file;
    },
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

export const PASSWORD = 'secret-admin';

/** Starts the service inside of the test process. */
export const startIn = async (
  configFile: string,
  environment: Readonly<Record<string, string>> = {},
  lines: string[] = [],
  options: Partial<StartOptions> = {},
): Promise<Engine> =>
  startEngine({
    configFile,
    environment,
    logger: createLogger((line) => lines.push(line), 'info'),
    version: '0.0.0-test',
    signal: new AbortController().signal,
    quietMs: 0,
    ...options,
  });

export const urlOf = (engine: Engine, service: 'apiext' | 'catalog' = 'apiext'): string => {
  const url = engine.urls.get(service);
  if (url === undefined) throw new Error(`${service} does not run`);
  return url;
};

export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

export interface RequestOptions {
  readonly user?: string;
  readonly password?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** One request as the original client sends it. */
export const send = async (base: string, method: string, path: string, options: RequestOptions = {}): Promise<Sent> => {
  const { user = 'admin', password = PASSWORD, headers = {}, body } = options;
  const answer = await fetch(base + path, {
    method,
    headers: { 'authorization': basic(user, password), 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: answer.status, headers: answer.headers, text, json };
};
