import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { AppError, messageOf } from '../../core/errors.ts';
import { registerSecret } from '../../core/secrets.ts';
import { firstValues, readText, type ResponseHeaders } from '../http/response.ts';
import { transportError } from '../http/transport-error.ts';
import type { NamedInDomain, SwiftAuth } from './auth-options.ts';
import { failureError, parseFailure } from './failure.ts';
import { type EndpointWanted, findStorageUrl } from './service-catalogue.ts';

/** The right to use an account. */
export interface Access {
  /** Without a slash at its end. */
  readonly storageUrl: string;
  readonly token: string;
}

export interface AuthenticationRequest {
  readonly transport: Dispatcher;
  readonly auth: SwiftAuth;
  readonly endpoint: EndpointWanted;
  /** Takes the place of the one that authentication gives. */
  readonly storageUrl: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A catalogue of hundreds of services fits. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** For a person: who enters. */
export const userOf = (auth: SwiftAuth): string => {
  switch (auth.version) {
    case 1:
      return `user ${auth.user}`;
    case 2:
      return `user ${auth.user}${auth.tenantName === undefined ? '' : ` of tenant ${auth.tenantName}`}`;
    case 3:
      if (auth.method === 'password') return `user ${'id' in auth.user ? auth.user.id : auth.user.name}`;
      return `application credential ${'id' in auth.credential ? auth.credential.id : auth.credential.name}`;
    case 'token':
      return 'the given token';
  }
};

/** Registers what must never be shown. */
export const registerAuthSecrets = (auth: SwiftAuth): void => {
  if (auth.version === 'token') registerSecret(auth.token);
  else if (auth.version !== 3) registerSecret(auth.key);
  else registerSecret(auth.method === 'password' ? auth.password : auth.secret);
};

interface Exchange {
  readonly headers: ResponseHeaders;
  readonly text: string;
  readonly what: string;
}

const exchange = async (
  request: AuthenticationRequest,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: object,
): Promise<Exchange> => {
  const { origin, pathname, search } = new URL(url);
  const what = `authentication at ${origin}${pathname}`;
  try {
    const response = await request.transport.request({
      origin,
      path: pathname + search,
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      ...(request.signal && { signal: request.signal }),
    });
    const answered = firstValues(response.headers);
    const text = await readText(response.body, MAX_ANSWER_BYTES, what, request.signal);
    const { statusCode: status } = response;
    if (status >= 200 && status < 300) return { headers: answered, text, what };
    if (status === 401 || status === 403) {
      // Whichever it is, the name or its secret is wrong: there is nothing yet that could be denied.
      throw failureError(parseFailure(401, answered, text), what, userOf(request.auth));
    }
    const failure = parseFailure(status, answered, text);
    if (status === 404) {
      throw new AppError('store.failed', `${what}: there is no such service (HTTP 404)`, {
        remedy: 'Check auth and auth_version.',
      });
    }
    throw failureError(failure, what, userOf(request.auth));
  } catch (error) {
    throw transportError(error, what, request.signal);
  }
};

const parseAnswer = <T>(schema: z.ZodType<T>, { text, what }: Exchange): T => {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const said =
      cause instanceof z.ZodError
        ? cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
        : messageOf(cause);
    // The answer itself holds a token, so it is not shown.
    throw new AppError('store.failed', `${what}: the answer cannot be understood: ${said}`, {
      remedy: 'Check auth and auth_version.',
    });
  }
};

const requireHeader = ({ headers, what }: Exchange, ...names: readonly string[]): string => {
  for (const name of names) if (headers[name]) return headers[name];
  throw new AppError('store.failed', `${what}: the answer has no header ${names.join(' or ')}`, {
    remedy: 'Check auth and auth_version.',
  });
};

/** The URL with the version in its path, added where it is not there. */
const versioned = (url: string, version: string, rest: string): string => {
  const base = url.replace(/\/+$/, '');
  return `${/\/v[0-9.]+$/.test(base) ? base : `${base}/${version}`}${rest}`;
};

/** TempAuth, SWAuth, RGW: both secrets go in headers, and so do the answers. */
const enterV1 = async (request: AuthenticationRequest, auth: SwiftAuth & { version: 1 }): Promise<Access> => {
  const answer = await exchange(request, auth.url, { 'x-auth-user': auth.user, 'x-auth-key': auth.key });
  return {
    token: requireHeader(answer, 'x-auth-token', 'x-storage-token'),
    storageUrl: request.storageUrl ?? requireHeader(answer, 'x-storage-url'),
  };
};

const answerV2 = z.object({
  access: z.object({ token: z.object({ id: z.string() }), serviceCatalog: z.unknown().optional() }),
});

const enterV2 = async (request: AuthenticationRequest, auth: SwiftAuth & { version: 2 }): Promise<Access> => {
  const tenant = auth.tenantId !== undefined ? { tenantId: auth.tenantId } : { tenantName: auth.tenantName };
  const body = { auth: { passwordCredentials: { username: auth.user, password: auth.key }, ...tenant } };
  const answer = await exchange(request, versioned(auth.url, 'v2.0', '/tokens'), {}, body);
  const { access } = parseAnswer(answerV2, answer);
  return {
    token: access.token.id,
    storageUrl: request.storageUrl ?? findStorageUrl(2, access.serviceCatalog, request.endpoint),
  };
};

const answerV3 = z.object({ token: z.object({ catalog: z.unknown().optional() }) });

const identityV3 = (auth: SwiftAuth & { version: 3 }): object => {
  const named = (who: NamedInDomain): object => ('id' in who ? { id: who.id } : { name: who.name, domain: who.domain });
  if (auth.method === 'password') {
    return {
      identity: { methods: ['password'], password: { user: { ...named(auth.user), password: auth.password } } },
      ...(auth.project && { scope: { project: named(auth.project) } }),
    };
  }
  const credential =
    'id' in auth.credential
      ? { id: auth.credential.id }
      : { name: auth.credential.name, user: named(auth.credential.user) };
  // Such a credential belongs to one project: a scope is not allowed.
  return {
    identity: { methods: ['application_credential'], application_credential: { ...credential, secret: auth.secret } },
  };
};

const enterV3 = async (request: AuthenticationRequest, auth: SwiftAuth & { version: 3 }): Promise<Access> => {
  const answer = await exchange(request, versioned(auth.url, 'v3', '/auth/tokens'), {}, { auth: identityV3(auth) });
  const { token } = parseAnswer(answerV3, answer);
  return {
    token: requireHeader(answer, 'x-subject-token'),
    storageUrl: request.storageUrl ?? findStorageUrl(3, token.catalog, request.endpoint),
  };
};

const enter = async (request: AuthenticationRequest): Promise<Access> => {
  const { auth } = request;
  switch (auth.version) {
    case 1:
      return enterV1(request, auth);
    case 2:
      return enterV2(request, auth);
    case 3:
      return enterV3(request, auth);
    case 'token':
      return { token: auth.token, storageUrl: request.storageUrl ?? auth.storageUrl };
  }
};

/**
 * Enters an account, as python-swiftclient does for each version. The token is registered as a secret. Throws
 * `store.credentials` naming the user, `config.invalid` where the catalogue has no such endpoint.
 */
export const authenticate = async (request: AuthenticationRequest): Promise<Access> => {
  const { token, storageUrl } = await enter(request);
  registerSecret(token);
  if (!/^https?:$/.test(URL.parse(storageUrl)?.protocol ?? '')) {
    throw new AppError('store.failed', `the storage URL ${JSON.stringify(storageUrl)} is not a URL`, {
      remedy: 'Set os_storage_url.',
    });
  }
  return { token, storageUrl: storageUrl.replace(/\/+$/, '') };
};
