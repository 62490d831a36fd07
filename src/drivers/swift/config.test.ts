import assert from 'node:assert/strict';
import test from 'node:test';
import { swiftSection } from './config.ts';

const parse = (options: Record<string, string | boolean>) => {
  const result = swiftSection.schema.safeParse({ container: 'c', ...options });
  return result.success
    ? result.data
    : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join();
};

const authOf = (options: Record<string, string | boolean>): unknown => {
  const parsed = parse(options);
  return typeof parsed === 'string' ? parsed : parsed.auth;
};

test('version 1 with auth, user and key', () => {
  assert.deepEqual(authOf({ auth: 'http://x/auth/v1.0', user: 'test:tester', key: 'testing', auth_version: '1' }), {
    version: 1,
    url: 'http://x/auth/v1.0',
    user: 'test:tester',
    key: 'testing',
  });
  assert.deepEqual(authOf({ auth: 'http://x', user: 'u', key: 'k' }), {
    version: 1,
    url: 'http://x',
    user: 'u',
    key: 'k',
  });
});

test('version 2 with a tenant, by its option or before the colon', () => {
  const expected = { version: 2, url: 'http://x/v2.0', user: 'u', key: 'k', tenantName: 't', tenantId: undefined };
  assert.deepEqual(
    authOf({ auth: 'http://x/v2.0', user: 'u', key: 'k', auth_version: '2.0', tenant_name: 't' }),
    expected,
  );
  assert.deepEqual(authOf({ auth: 'http://x/v2.0', user: 't:u', key: 'k', auth_version: '2' }), expected);
  assert.deepEqual(
    authOf({ os_auth_url: 'http://x/v2.0', os_username: 'u', os_password: 'k', os_tenant_name: 't' }),
    expected,
  );
});

test('version 3 with password, by names in domains', () => {
  const options = {
    os_auth_url: 'http://x/v3',
    os_username: 'u',
    os_password: 'p',
    os_project_name: 'pr',
    os_user_domain_name: 'D',
  };
  assert.deepEqual(authOf(options), {
    version: 3,
    method: 'password',
    url: 'http://x/v3',
    user: { name: 'u', domain: { name: 'D' } },
    password: 'p',
    project: { name: 'pr', domain: { id: 'default' } },
  });
});

test('version 3 with an application credential', () => {
  const common = { auth: 'http://x/v3', auth_version: '3', os_application_credential_secret: 's' };
  assert.deepEqual(authOf({ ...common, os_application_credential_id: 'i' }), {
    version: 3,
    method: 'application-credential',
    url: 'http://x/v3',
    credential: { id: 'i' },
    secret: 's',
  });
  assert.equal(
    authOf({ ...common, os_application_credential_name: 'n' }),
    'user: the user of the application credential',
  );
});

test('a token with its storage URL needs no more', () => {
  assert.deepEqual(authOf({ os_auth_token: 't', os_storage_url: 'http://x/v1/a' }), {
    version: 'token',
    storageUrl: 'http://x/v1/a',
    token: 't',
  });
});

test('what is missing is named', () => {
  assert.match(String(authOf({ user: 'u', key: 'k' })), /^auth: the URL of the authentication service/);
  assert.match(String(authOf({ auth: 'http://x', auth_version: '1', key: 'k' })), /^user: /);
  assert.match(String(authOf({ auth: 'http://x', auth_version: '3', user: 'u' })), /^key: the password/);
  assert.match(String(authOf({ auth: 'nonsense', auth_version: '1', user: 'u', key: 'k' })), /^auth: /);
});

test('the other options and their defaults', () => {
  const auth = { auth: 'http://x', user: 'u', key: 'k' };
  const parsed = parse({
    ...auth,
    create_container: 'True',
    anchore_key_prefix: 'p/',
    insecure: true,
    os_endpoint_type: 'internalURL',
    segment_size: '1000',
  });
  assert.ok(typeof parsed !== 'string');
  assert.deepEqual(
    [
      parsed.createContainer,
      parsed.keyPrefix,
      parsed.insecure,
      parsed.endpointType,
      parsed.segmentSizeBytes,
      parsed.serviceType,
    ],
    [true, 'p/', true, 'internal', 1000, 'object-store'],
  );
  assert.deepEqual(swiftSection.environment['os_password'], 'OS_PASSWORD');
});
