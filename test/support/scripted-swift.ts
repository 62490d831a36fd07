import { swiftSection } from '../../src/drivers/swift/config.ts';
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { type ScriptedAnswer, type ScriptedRequest, startScriptedServer } from './scripted-http.ts';

/** What an answer of the cluster itself has, and no answer of anything in between. */
export const TRANSACTION = { 'x-trans-id': 'tx0123' };

/** A connection that breaks instead of an answer. */
export const BREAK: ScriptedAnswer = { status: 200, body: 'lost', cutAfterBytes: 0 };

/** `undefined`: as usual, where everybody may enter and the container `c` of the account `AUTH_a` is empty. */
export type SwiftScript = (request: ScriptedRequest, origin: string) => ScriptedAnswer | undefined;

export interface ScriptedSwift extends AsyncDisposable {
  readonly driver: Driver;
  readonly requests: readonly ScriptedRequest[];
}

/** Small enough that documents of tests reach the limits. */
const INFO = JSON.stringify({ swift: { max_file_size: 1000 }, slo: { max_manifest_segments: 4 } });

const usual = ({ method, target }: ScriptedRequest, origin: string): ScriptedAnswer => {
  if (target === '/auth/v1.0') {
    const headers = { 'x-storage-url': `${origin}/v1/AUTH_a`, 'x-auth-token': 'AUTH_token-of-the-script' };
    return { status: 200, headers };
  }
  if (target === '/info') return { status: 200, body: INFO };
  if (target === '/v1/AUTH_a/c') return { status: 204, headers: TRANSACTION };
  return { status: method === 'PUT' ? 412 : 404, headers: TRANSACTION };
};

export const section = (origin: string): object => ({
  container: 'c',
  auth: `${origin}/auth/v1.0`,
  user: 'test:tester',
  key: 'the-key-of-the-script',
});

export const isObject = ({ target }: ScriptedRequest): boolean => target.startsWith('/v1/AUTH_a/c/');

/**
 * A driver that speaks to a script: for what a real cluster says only when it is in trouble, and for versions that are
 * not to be had any more. `options` gives the section of the configuration.
 */
export const openScriptedSwift = async (
  script: SwiftScript,
  options = section,
  tls = false,
): Promise<ScriptedSwift> => {
  let origin = '';
  const server = await startScriptedServer((request) => script(request, origin) ?? usual(request, origin), { tls });
  origin = server.url;
  const driver = await openSwiftDriver(swiftSection.schema.parse(options(origin)), { environment: {} });
  return {
    driver,
    requests: server.requests,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};
