import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canInstallPackages } from './debian.ts';
import {
  findFreePorts,
  type ServerState,
  startProcess,
  stopProcess,
  type TestServer,
  waitUntilReady,
} from './server.ts';
import { server as swift, startSwift } from './swift.ts';

/**
 * OpenStack Keystone from Debian's package (`keystone`), with a Swift of its own that takes its tokens. It speaks the
 * identity API's version 3; version 2 is gone from it. A user with a project and an application credential; a catalogue
 * with two regions, of which only `RegionOne` leads anywhere.
 */

const run = promisify(execFile);
const MANAGE = '/usr/bin/keystone-manage';
const SERVE = '/usr/bin/keystone-wsgi-public';

const available = async (): Promise<boolean> => {
  try {
    await Promise.all([access(MANAGE), access(SERVE), access('/usr/lib/python3/dist-packages/keystonemiddleware')]);
    return await swift.available();
  } catch {
    return false;
  }
};

const configuration = (folder: string): string => `[DEFAULT]
use_stderr = true
log_dir =
[database]
connection = sqlite:///${folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = ${folder}/fernet-keys
[fernet_receipts]
key_repository = ${folder}/fernet-keys
[credential]
key_repository = ${folder}/credential-keys
[cache]
enabled = false
`;

type Json = Readonly<Record<string, unknown>>;

/** Calls Keystone as its administrator. */
const openAdministration = async (url: string, password: string) => {
  const named = { name: 'admin', domain: { id: 'default' } };
  const login = await fetch(`${url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { ...named, password } } },
        scope: { project: named },
      },
    }),
  });
  const token = login.headers.get('x-subject-token') ?? '';
  const call = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: Json, as = token): Promise<Json> => {
    const answer = await fetch(url + path, {
      method,
      headers: { 'x-auth-token': as, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Json);
  };
  /** Makes one thing, and gives its id. */
  const create = async (kind: string, properties: Json): Promise<string> => {
    const made = (await call('POST', `/${kind}s`, { [kind]: properties }))[kind] as { readonly id: string };
    return made.id;
  };
  return { call, create };
};

/** The catalogue, and somebody who may use it. */
const populate = async (url: string, password: string, swiftPort: number, deadPort: number) => {
  const { call, create } = await openAdministration(url, password);
  const service = await create('service', { type: 'object-store', name: 'swift' });
  await create('region', { id: 'RegionTwo' });
  for (const [region, port] of [
    ['RegionTwo', deadPort],
    ['RegionOne', swiftPort],
  ] as const) {
    for (const name of ['public', 'internal', 'admin']) {
      const target = `http://${name === 'internal' ? 'localhost' : '127.0.0.1'}:${port}/v1/KEY_%(tenant_id)s`;
      await create('endpoint', { service_id: service, interface: name, region_id: region, url: target });
    }
  }
  const domain = await create('domain', { name: 'Archives' });
  const project = await create('project', { name: 'Archive', domain_id: domain });
  const userPassword = randomBytes(16).toString('hex');
  const user = await create('user', { name: 'mover', domain_id: domain, password: userPassword });
  const { roles } = (await call('GET', '/roles?name=member')) as { readonly roles: readonly { readonly id: string }[] };
  await call('PUT', `/projects/${project}/users/${user}/roles/${roles[0]?.id ?? ''}`);
  return { domain, project, user, userPassword };
};

/** Only its owner can make an application credential, for the project that he entered. */
const createApplicationCredential = async (
  url: string,
  who: { readonly user: string; readonly userPassword: string; readonly project: string },
): Promise<{ readonly id: string; readonly secret: string }> => {
  const login = await fetch(`${url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { id: who.user, password: who.userPassword } } },
        scope: { project: { id: who.project } },
      },
    }),
  });
  const answer = await fetch(`${url}/users/${who.user}/application_credentials`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-auth-token': login.headers.get('x-subject-token') ?? '' },
    body: JSON.stringify({ application_credential: { name: 'for the archive' } }),
  });
  if (!answer.ok) throw new Error(`application credential: ${answer.status} ${await answer.text()}`);
  const { application_credential: made } = (await answer.json()) as {
    readonly application_credential: { readonly id: string; readonly secret: string };
  };
  return made;
};

const start = async (folder: string): Promise<ServerState> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const [keystone = 0, dead = 0] = await findFreePorts(2);
  const url = `http://127.0.0.1:${keystone}/v3`;
  const config = join(folder, 'keystone.conf');
  await writeFile(config, configuration(folder), { mode: 0o600 });
  const adminPassword = randomBytes(16).toString('hex');
  const { username } = userInfo();
  const manage = (...args: string[]) => run(MANAGE, ['--config-file', config, ...args]);
  await manage('db_sync');
  // One request of Keystone reads on one connection while it writes on another; only with a write-ahead log SQLite allows that.
  const wal = 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode = WAL")';
  await run('/usr/bin/python3', ['-c', wal, join(folder, 'keystone.db')]);
  const owner = ['--keystone-user', username, '--keystone-group', username];
  await Promise.all([manage('fernet_setup', ...owner), manage('credential_setup', ...owner)]);
  const urls = ['public', 'internal', 'admin'].flatMap((name) => [`--bootstrap-${name}-url`, url]);
  await manage('bootstrap', '--bootstrap-password', adminPassword, '--bootstrap-region-id', 'RegionOne', ...urls);

  const processes = [
    await startProcess('/usr/bin/python3', [SERVE, '--host', '127.0.0.1', '--port', String(keystone)], {
      logFile: join(folder, 'keystone.log'),
      environment: { OS_KEYSTONE_CONFIG_FILES: config },
    }),
  ];
  try {
    await waitUntilReady('keystone', processes, async () => {
      await (await fetch(url)).arrayBuffer();
    });
    const cluster = await startSwift(join(folder, 'swift'), {
      keystone: { url, serviceUser: 'admin', servicePassword: adminPassword },
    });
    processes.push(...cluster.processes);
    const who = await populate(url, adminPassword, cluster.ports['proxy'] ?? 0, dead);
    const credential = await createApplicationCredential(url, who);
    return {
      name: 'keystone',
      folder,
      processes,
      ports: { keystone, swift: cluster.ports['proxy'] ?? 0 },
      credentials: {
        authUrl: url,
        user: 'mover',
        userId: who.user,
        password: who.userPassword,
        domain: 'Archives',
        domainId: who.domain,
        project: 'Archive',
        projectId: who.project,
        credentialId: credential.id,
        credentialName: 'for the archive',
        credentialSecret: credential.secret,
        region: 'RegionOne',
      },
    };
  } catch (error) {
    await Promise.all(processes.map((each) => stopProcess(each)));
    throw error;
  }
};

const stop = async (state: ServerState): Promise<void> => {
  await Promise.all(state.processes.map((each) => stopProcess(each)));
};

export const server: TestServer = { name: 'keystone', available, obtainable: canInstallPackages, start, stop };
