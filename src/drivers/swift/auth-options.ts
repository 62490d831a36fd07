/** How a Swift account is entered, once all the names that an option can have were looked at. */
export type SwiftAuth =
  | { readonly version: 1; readonly url: string; readonly user: string; readonly key: string }
  | {
      readonly version: 2;
      readonly url: string;
      readonly user: string;
      readonly key: string;
      readonly tenantName: string | undefined;
      readonly tenantId: string | undefined;
    }
  | {
      readonly version: 3;
      readonly method: 'password';
      readonly url: string;
      readonly user: NamedInDomain;
      readonly password: string;
      /** undefined: the user's default project. */
      readonly project: NamedInDomain | undefined;
    }
  | {
      readonly version: 3;
      readonly method: 'application-credential';
      readonly url: string;
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: NamedInDomain };
      readonly secret: string;
    }
  /** A token obtained elsewhere; it cannot be renewed. */
  | { readonly version: 'token'; readonly storageUrl: string; readonly token: string };

/** By id, which is unique, or by a name within a domain. */
export type NamedInDomain =
  | { readonly id: string }
  | { readonly name: string; readonly domain: { readonly id: string } | { readonly name: string } };

/** The options that have to do with authentication, as they stand in a section. */
export type SwiftAuthOptions = Partial<
  Record<
    | 'auth'
    | 'user'
    | 'key'
    | 'auth_version'
    | 'os_auth_url'
    | 'os_username'
    | 'os_user_id'
    | 'os_password'
    | 'os_user_domain_name'
    | 'os_user_domain_id'
    | 'tenant_name'
    | 'os_tenant_name'
    | 'os_tenant_id'
    | 'os_project_name'
    | 'os_project_id'
    | 'os_project_domain_name'
    | 'os_project_domain_id'
    | 'os_auth_type'
    | 'os_application_credential_id'
    | 'os_application_credential_name'
    | 'os_application_credential_secret'
    | 'os_auth_token'
    | 'os_storage_url',
    string | undefined
  >
>;

export type SwiftAuthResult =
  | { readonly ok: true; readonly value: SwiftAuth }
  | { readonly ok: false; readonly option: string; readonly expected: string };

const missing = (option: string, expected: string): SwiftAuthResult => ({ ok: false, option, expected });

/**
 * Which version is meant. As python-swiftclient: an explicit 2 or 3 stands; otherwise version 1 needs `auth`, `user` and
 * `key`, and where one is missing any mention of domains or application credentials means 3, else 2; a URL that ends in
 * its version says it itself.
 */
const versionOf = (options: SwiftAuthOptions): 1 | 2 | 3 => {
  const explicit = options.auth_version?.charAt(0);
  if (explicit === '2') return 2;
  if (explicit === '3') return 3;
  if (options.auth && options.user && options.key) return 1;
  if (explicit === '1' && !options.os_auth_url) return 1;
  const url = options.auth ?? options.os_auth_url ?? '';
  if (/\/v3\/?$/.test(url)) return 3;
  if (/\/v2\.0\/?$/.test(url)) return 2;
  const names = ['user_domain_id', 'user_domain_name', 'project_domain_id', 'project_domain_name'] as const;
  const mentionsV3 = names.some((name) => options[`os_${name}`]) || options.os_auth_type === 'v3applicationcredential';
  return mentionsV3 ? 3 : 2;
};

/** A user or project, whose domain defaults to `default`, the one that Keystone itself creates. */
const namedInDomain = (
  id: string | undefined,
  name: string | undefined,
  domainId: string | undefined,
  domainName: string | undefined,
): NamedInDomain | undefined => {
  if (id) return { id };
  if (!name) return undefined;
  if (domainId) return { name, domain: { id: domainId } };
  return { name, domain: domainName ? { name: domainName } : { id: 'default' } };
};

const resolveV3 = (
  options: SwiftAuthOptions,
  url: string,
  userName: string | undefined,
  password: string | undefined,
): SwiftAuthResult => {
  const user = namedInDomain(options.os_user_id, userName, options.os_user_domain_id, options.os_user_domain_name);
  const credentialId = options.os_application_credential_id;
  const credentialName = options.os_application_credential_name;
  if (credentialId || credentialName) {
    const secret = options.os_application_credential_secret;
    if (!secret) return missing('os_application_credential_secret', 'the secret of the application credential');
    if (credentialId)
      return {
        ok: true,
        value: { version: 3, method: 'application-credential', url, credential: { id: credentialId }, secret },
      };
    if (!credentialName || !user) return missing('user', 'the user of the application credential');
    return {
      ok: true,
      value: { version: 3, method: 'application-credential', url, credential: { name: credentialName, user }, secret },
    };
  }
  if (!user) return missing('user', 'the name of a user (user, os_username or os_user_id)');
  if (!password) return missing('key', 'the password of the user (key or os_password)');
  const project = namedInDomain(
    options.os_project_id ?? options.os_tenant_id,
    options.os_project_name ?? options.os_tenant_name ?? options.tenant_name,
    options.os_project_domain_id,
    options.os_project_domain_name,
  );
  return { ok: true, value: { version: 3, method: 'password', url, user, password, project } };
};

/** Finds how to authenticate, or names the option that is missing and what belongs there. */
export const resolveSwiftAuth = (options: SwiftAuthOptions): SwiftAuthResult => {
  if (options.os_auth_token && options.os_storage_url)
    return { ok: true, value: { version: 'token', storageUrl: options.os_storage_url, token: options.os_auth_token } };
  const version = versionOf(options);
  const url = options.auth ?? options.os_auth_url;
  const user = options.user ?? options.os_username;
  const key = options.key ?? options.os_password;
  if (!url) return missing('auth', 'the URL of the authentication service (auth or os_auth_url)');
  if (!URL.canParse(url))
    return missing(options.auth ? 'auth' : 'os_auth_url', 'the URL of the authentication service');
  if (version === 3) return resolveV3(options, url, user, key);
  if (!user) return missing('user', 'the name of a user (user or os_username)');
  if (!key) return missing('key', 'the key of the user (key or os_password)');
  if (version === 1) return { ok: true, value: { version, url, user, key } };
  // Version 2 accepts `tenant:user` in place of a tenant of its own, as python-swiftclient does.
  const named = options.os_tenant_name ?? options.tenant_name ?? options.os_project_name;
  const tenantId = options.os_tenant_id ?? options.os_project_id;
  const colon = named === undefined && tenantId === undefined ? user.indexOf(':') : -1;
  return {
    ok: true,
    value: {
      version,
      url,
      user: user.slice(colon + 1),
      key,
      tenantName: colon < 0 ? named : user.slice(0, colon),
      tenantId,
    },
  };
};
