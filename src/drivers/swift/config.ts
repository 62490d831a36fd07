import { z } from 'zod';
import { type DriverSection, flag, oneOf, optionalText, requiredText, wholeNumber } from '../../core/driver-section.ts';
import { type SwiftAuth, resolveSwiftAuth } from './auth-options.ts';

/**
 * The options of python-swiftclient's SwiftService, by its names, and the archive's own three. Source of names, defaults
 * and precedence: its `process_options` (https://docs.openstack.org/python-swiftclient/latest/service-api.html).
 */
export interface SwiftOptions {
  readonly container: string;
  readonly createContainer: boolean;
  /** Put before every object name as it is; no `/` is added. */
  readonly keyPrefix: string;
  readonly auth: SwiftAuth;
  /** Takes the place of the storage URL that authentication gives. */
  readonly storageUrl: string | undefined;
  readonly region: string | undefined;
  /** Which endpoint of the service catalogue. */
  readonly endpointType: 'public' | 'internal' | 'admin';
  /** The type of service in the catalogue. */
  readonly serviceType: string;
  /** Whether certificates go unchecked. */
  readonly insecure: boolean;
  readonly caFile: string | undefined;
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  /** Objects larger than this are stored in segments; undefined: only above the cluster's own limit. */
  readonly segmentSizeBytes: number | undefined;
  /** Where segments are stored; undefined: `<container>_segments`. */
  readonly segmentContainer: string | undefined;
}

const text = optionalText('a text');
const endpointType = oneOf(['public', 'publicURL', 'internal', 'internalURL', 'admin', 'adminURL']);

const shape = {
  container: requiredText('the name of a container'),
  create_container: flag(false),
  anchore_key_prefix: z.string('a text').default(''),
  auth: optionalText('the URL of the authentication service'),
  user: text,
  key: text,
  auth_version: z
    .string('1, 2 or 3')
    .regex(/^([123](\.0)?)?$/, '1, 2 or 3')
    .optional(),
  os_auth_url: optionalText('the URL of the authentication service'),
  os_username: text,
  os_user_id: text,
  os_password: text,
  os_user_domain_name: text,
  os_user_domain_id: text,
  tenant_name: text,
  os_tenant_name: text,
  os_tenant_id: text,
  os_project_name: text,
  os_project_id: text,
  os_project_domain_name: text,
  os_project_domain_id: text,
  os_auth_type: text,
  os_application_credential_id: text,
  os_application_credential_name: text,
  os_application_credential_secret: text,
  os_auth_token: text,
  os_storage_url: optionalText('the URL of a Swift account'),
  os_region_name: text,
  os_endpoint_type: z.union([z.literal(''), endpointType], 'public, internal or admin').optional(),
  os_service_type: text,
  insecure: flag(false),
  cacert: optionalText('the path of a file with certificates'),
  os_cacert: optionalText('the path of a file with certificates'),
  os_cert: optionalText('the path of a certificate'),
  os_key: optionalText('the path of a private key'),
  segment_size: z
    .union([z.literal('').transform(() => undefined), wholeNumber('a number of bytes')], 'a number of bytes')
    .optional(),
  segment_container: text,
};

/** Options of SwiftService that change how its own transfers run, or mean nothing to an archive: known, without effect here. */
const WITHOUT_EFFECT = [
  'ssl_compression',
  'snet',
  'retries',
  'verbose',
  'debug',
  'info',
  'timeout',
  'auth_timeout',
  'object_dd_threads',
  'object_uu_threads',
  'container_threads',
  'segment_threads',
  'use_slo',
  'leave_segments',
  'changed',
  'skip_identical',
  'checksum',
  'shuffle',
  'header',
  'meta',
  'read_acl',
  'write_acl',
  'sync_to',
  'sync_key',
  'yes_all',
  'no_download',
  'force_auth_retry',
  'versions',
  'prompt',
  'human',
  'os_identity_api_version',
  'os_options',
] as const;

const endpointOf = (value: string | undefined): SwiftOptions['endpointType'] =>
  value?.startsWith('internal') ? 'internal' : value?.startsWith('admin') ? 'admin' : 'public';

export const swiftSection: DriverSection<'swift', SwiftOptions> = {
  driver: 'swift',
  schema: z.object(shape).transform((section, context): SwiftOptions => {
    const auth = resolveSwiftAuth(section);
    if (!auth.ok) {
      context.addIssue({ code: 'custom', path: [auth.option], message: auth.expected });
      return z.NEVER;
    }
    return {
      container: section.container,
      createContainer: section.create_container,
      keyPrefix: section.anchore_key_prefix,
      auth: auth.value,
      storageUrl: section.os_storage_url,
      region: section.os_region_name,
      endpointType: endpointOf(section.os_endpoint_type),
      serviceType: section.os_service_type ?? 'object-store',
      insecure: section.insecure,
      caFile: section.os_cacert ?? section.cacert,
      clientCertificateFile: section.os_cert,
      clientKeyFile: section.os_key,
      segmentSizeBytes: section.segment_size === 0 ? undefined : section.segment_size,
      segmentContainer: section.segment_container,
    };
  }),
  keys: [...Object.keys(shape), ...WITHOUT_EFFECT],
  secretKeys: ['key', 'os_password', 'os_application_credential_secret', 'os_auth_token'],
  environment: {
    auth: 'ST_AUTH',
    user: 'ST_USER',
    key: 'ST_KEY',
    auth_version: 'ST_AUTH_VERSION',
    ...Object.fromEntries(
      Object.keys(shape)
        .filter((option) => option.startsWith('os_'))
        .map((option) => [option, option.toUpperCase()]),
    ),
    insecure: 'SWIFTCLIENT_INSECURE',
  },
};
