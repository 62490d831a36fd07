import { isIPv4 } from 'node:net';
import { hostname, totalmem } from 'node:os';
import { type ConfigFile, describeNode, findMap, invalidValue } from '../config/config-file.ts';
import { registerSecretsOf } from '../config/section-values.ts';
import type { ConfigMap } from '../config/yaml-tree.ts';
import { planDocumentMemory } from './documents/document-memory.ts';

export const SERVICE_NAMES = ['apiext', 'catalog'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** One service as the configuration has it. Source: `services.<name>` of config.yaml. */
export interface ServiceSettings {
  readonly name: ServiceName;
  /** The address to listen on. */
  readonly listen: string;
  /** 0: any that is free. */
  readonly port: number;
  /** How others reach it; part of the base URL that `/v1/system` shows. */
  readonly endpointHostname: string;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** A user that the configuration itself names (up to 0.2.x); its account has the same name. */
export interface ConfiguredUser {
  readonly name: string;
  readonly password: string;
  readonly email: string | null;
}

export interface EngineSettings {
  readonly hostId: string;
  readonly services: readonly ServiceSettings[];
  readonly users: readonly ConfiguredUser[];
  /** The administrator's first password where the database has none yet. */
  readonly defaultAdminPassword: string | undefined;
  readonly defaultAdminEmail: string | null;
  /** The largest content of one document. */
  readonly maxDocumentBytes: number;
  /** What documents may take in memory, all requests together. */
  readonly documentMemoryBytes: number;
  /** The longest a request may take, its body included. */
  readonly requestTimeoutMs: number;
  /** How long running requests may take to end after the first signal. */
  readonly stopTimeoutMs: number;
}

const PORTS: Readonly<Record<ServiceName, number>> = { apiext: 8228, catalog: 8082 };
/** What the container allows, or else what the machine has. */
const DOCUMENT_MEMORY_BYTES = planDocumentMemory(Math.min(process.constrainedMemory() || totalmem(), totalmem()));
const LOOPBACK = '127.0.0.1';
const MAX_DOCUMENT_BYTES = 1024 ** 3;
const REQUEST_TIMEOUT_SECONDS = 600;
const STOP_TIMEOUT_SECONDS = 30;

/** What runs where no configuration is given: both services, reachable from this machine alone. */
export const DEFAULT_SETTINGS: EngineSettings = {
  hostId: hostname(),
  services: SERVICE_NAMES.map((name) => ({
    name,
    listen: LOOPBACK,
    port: PORTS[name],
    endpointHostname: LOOPBACK,
    tls: undefined,
  })),
  users: [],
  defaultAdminPassword: undefined,
  defaultAdminEmail: null,
  maxDocumentBytes: MAX_DOCUMENT_BYTES,
  documentMemoryBytes: DOCUMENT_MEMORY_BYTES,
  requestTimeoutMs: REQUEST_TIMEOUT_SECONDS * 1000,
  stopTimeoutMs: STOP_TIMEOUT_SECONDS * 1000,
};

/** Reads single values of one mapping; errors name the place. */
class Section {
  readonly #config: ConfigFile;
  readonly #map: ConfigMap;
  readonly #path: string;

  constructor(config: ConfigFile, map: ConfigMap, path: string) {
    this.#config = config;
    this.#map = map;
    this.#path = path;
  }

  #invalid(key: string, expected: string): Error {
    const node = this.#map.entries.get(key);
    const path = this.#path === '' ? key : `${this.#path}.${key}`;
    return invalidValue(
      { file: this.#config.file, line: node?.line ?? this.#map.line, path },
      expected,
      describeNode(node),
    );
  }

  text(key: string): string | undefined {
    const node = this.#map.entries.get(key);
    if (node === undefined || (node.kind === 'scalar' && (node.value === null || node.text === ''))) return undefined;
    const [unset] = node.kind === 'scalar' ? node.unset : [];
    if (unset !== undefined) throw this.#invalid(key, `the environment variable ${unset} to be set`);
    if (node.kind !== 'scalar') throw this.#invalid(key, 'a text');
    return node.text;
  }

  flag(key: string): boolean | undefined {
    const text = this.text(key)?.toLowerCase();
    if (text === undefined) return undefined;
    if (['true', 'yes', 'on', '1'].includes(text)) return true;
    if (['false', 'no', 'off', '0'].includes(text)) return false;
    throw this.#invalid(key, 'true or false');
  }

  wholeNumber(key: string, most: number, byDefault: number): number {
    const text = this.text(key);
    if (text === undefined) return byDefault;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > most) throw this.#invalid(key, `a whole number up to ${most}`);
    return value;
  }

  required(key: string, expected: string): string {
    const text = this.text(key);
    if (text === undefined) throw this.#invalid(key, expected);
    return text;
  }
}

const parseService = (config: ConfigFile, name: ServiceName, map: ConfigMap): ServiceSettings => {
  const section = new Section(config, map, `services.${name}`);
  const listen = section.text('listen') ?? LOOPBACK;
  return {
    name,
    listen,
    port: section.wholeNumber('port', 65_535, PORTS[name]),
    endpointHostname: section.text('endpoint_hostname') ?? listen,
    tls:
      section.flag('ssl_enable') === true
        ? {
            certFile: section.required('ssl_cert', 'the path of a certificate, since ssl_enable is true'),
            keyFile: section.required('ssl_key', 'the path of a private key, since ssl_enable is true'),
          }
        : undefined,
  };
};

/** A file that says of no service whether it is enabled means all of them, on this machine. */
const parseServices = (config: ConfigFile): readonly ServiceSettings[] => {
  const services = findMap(config, config.root, '', 'services');
  const sections = SERVICE_NAMES.map((name) => {
    const map = services && findMap(config, services, 'services', name);
    const enabled = map && new Section(config, map, `services.${name}`).flag('enabled');
    return { name, map: map ?? ({ kind: 'map', line: config.root.line, entries: new Map() } as const), enabled };
  });
  const silent = sections.every(({ enabled }) => enabled === undefined);
  const chosen = sections.filter(({ enabled }) => silent || enabled === true);
  if (chosen.length === 0)
    throw invalidValue(
      { file: config.file, line: services?.line ?? config.root.line, path: 'services' },
      `${SERVICE_NAMES.join(' or ')} with enabled: true`,
      'none',
    );
  return chosen.map(({ name, map }) => parseService(config, name, map));
};

const parseUsers = (config: ConfigFile): readonly ConfiguredUser[] => {
  const credentials = findMap(config, config.root, '', 'credentials');
  const users = credentials && findMap(config, credentials, 'credentials', 'users');
  if (users === undefined) return [];
  registerSecretsOf(users, (name) => name === 'password');
  return [...users.entries.keys()].map((name) => {
    const path = `credentials.users.${name}`;
    const section = new Section(config, findMap(config, users, 'credentials.users', name) ?? users, path);
    return {
      name,
      password: section.required('password', 'a password'),
      email: section.text('email') ?? null,
    };
  });
};

/** What the service itself takes from a configuration file. Throws `config.invalid` with file, line and key. */
export const parseEngineSettings = (config: ConfigFile): EngineSettings => {
  const root = new Section(config, config.root, '');
  registerSecretsOf(config.root, (name) => name === 'default_admin_password');
  const catalogMap = findMap(
    config,
    findMap(config, config.root, '', 'services') ?? config.root,
    'services',
    'catalog',
  );
  const catalog = new Section(config, catalogMap ?? config.root, 'services.catalog');
  return {
    hostId: root.text('host_id') ?? DEFAULT_SETTINGS.hostId,
    services: parseServices(config),
    users: parseUsers(config),
    defaultAdminPassword: root.text('default_admin_password'),
    defaultAdminEmail: root.text('default_admin_email') ?? null,
    maxDocumentBytes: catalog.wholeNumber('max_document_bytes', Number.MAX_SAFE_INTEGER, MAX_DOCUMENT_BYTES),
    documentMemoryBytes: catalog.wholeNumber('document_memory_bytes', Number.MAX_SAFE_INTEGER, DOCUMENT_MEMORY_BYTES),
    requestTimeoutMs: catalog.wholeNumber('request_timeout_seconds', 86_400, REQUEST_TIMEOUT_SECONDS) * 1000,
    stopTimeoutMs: catalog.wholeNumber('stop_timeout_seconds', 86_400, STOP_TIMEOUT_SECONDS) * 1000,
  };
};

/** Whether only this machine can reach the address. */
export const isLoopback = (address: string): boolean =>
  address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'));
