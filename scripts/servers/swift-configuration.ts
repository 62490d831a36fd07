export interface SwiftSettings {
  readonly folder: string;
  /** The user of this process: Swift's servers would change to `swift` otherwise. */
  readonly user: string;
  readonly ports: Readonly<Record<'proxy' | 'account' | 'container' | 'object' | 'memcached', number>>;
  readonly password: string;
  readonly hashSuffix: string;
  readonly maxFileSizeBytes: number;
  readonly keystone:
    | { readonly url: string; readonly serviceUser: string; readonly servicePassword: string }
    | undefined;
}

const storageServer = (settings: SwiftSettings, name: 'account' | 'container' | 'object'): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${settings.ports[name]}
user = ${settings.user}
swift_dir = ${settings.folder}
devices = ${settings.folder}/devices
mount_check = false
workers = 0
log_level = WARNING
fallocate_reserve = 0
disable_fallocate = true
max_clients = 1024

[pipeline:main]
pipeline = ${name}-server

[app:${name}-server]
use = egg:swift#${name}
`;

const TEMPAUTH = 's3api tempauth';

/** Keystone's filters come first: TempAuth has the last word on its own accounts, and leaves the others alone. */
const authOf = (settings: SwiftSettings): string =>
  settings.keystone === undefined ? TEMPAUTH : `authtoken keystoneauth ${TEMPAUTH}`;

const keystoneFilters = (settings: SwiftSettings): string =>
  settings.keystone === undefined
    ? ''
    : `
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = ${settings.keystone.url}
auth_url = ${settings.keystone.url}
auth_type = password
username = ${settings.keystone.serviceUser}
password = ${settings.keystone.servicePassword}
project_name = admin
user_domain_id = default
project_domain_id = default
delay_auth_decision = true
cache = swift.cache

[filter:keystoneauth]
use = egg:swift#keystoneauth
reseller_prefix = KEY
operator_roles = admin, member
`;

const proxyServer = (settings: SwiftSettings): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${settings.ports.proxy}
user = ${settings.user}
swift_dir = ${settings.folder}
workers = 0
log_level = WARNING
max_clients = 1024

[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk ${authOf(settings)} copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# Threads of one process answer; a storage node that is slow under load must not be taken for a broken one.
node_timeout = 30
conn_timeout = 5
error_suppression_limit = 100000

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${settings.password} .admin
# May enter the account, but nothing in it unless a container's ACL says so.
user_test_reader = ${settings.password}
user_other_owner = ${settings.password} .admin
allow_overrides = true
reseller_prefix = AUTH
token_life = 86400
${keystoneFilters(settings)}
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
dns_compliant_bucket_names = false
location = us-east-1

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${settings.ports.memcached}

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:healthcheck]
use = egg:swift#healthcheck

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:bulk]
use = egg:swift#bulk

[filter:copy]
use = egg:swift#copy

[filter:container-quotas]
use = egg:swift#container_quotas

[filter:account-quotas]
use = egg:swift#account_quotas

[filter:slo]
use = egg:swift#slo

[filter:dlo]
use = egg:swift#dlo

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true

[filter:symlink]
use = egg:swift#symlink
`;

/** Every configuration file of the cluster, by name. */
export const planSwiftConfiguration = (settings: SwiftSettings): Readonly<Record<string, string>> => ({
  'swift.conf': `[swift-hash]
swift_hash_path_suffix = ${settings.hashSuffix}

[storage-policy:0]
name = Policy-0
default = yes

[swift-constraints]
max_file_size = ${settings.maxFileSizeBytes}
`,
  'account-server.conf': storageServer(settings, 'account'),
  'container-server.conf': storageServer(settings, 'container'),
  'object-server.conf': storageServer(settings, 'object'),
  'proxy-server.conf': proxyServer(settings),
});
