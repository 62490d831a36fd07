import { z } from 'zod';
import { type DriverSection, flag, oneOf, optionalText, requiredText } from '../../core/driver-section.ts';

/** `chain`: the standard AWS chain (environment, profile, SSO, web identity, ECS, instance metadata). */
export type S3Credentials =
  | {
      readonly kind: 'static';
      readonly accessKey: string;
      readonly secretKey: string;
      readonly sessionToken: string | undefined;
    }
  | { readonly kind: 'chain' };

export type S3Encryption =
  | { readonly mode: 'AES256' }
  | { readonly mode: 'aws:kms'; readonly kmsKeyId: string | undefined };

export const S3_CHECKSUMS = ['md5', 'crc32c', 'crc64nvme', 'sha256', 'none'] as const;
export type S3Checksum = (typeof S3_CHECKSUMS)[number];

export interface S3Options {
  readonly bucket: string;
  readonly credentials: S3Credentials;
  /** The endpoint, such as `http://127.0.0.1:9000`; undefined: Amazon's, by region. */
  readonly url: string | undefined;
  /** undefined: discovered. Always undefined where `url` is set, since that makes the original ignore the region. */
  readonly region: string | undefined;
  readonly createBucket: boolean;
  /** Put before every key as it is; no `/` is added. */
  readonly prefix: string;
  readonly addressingStyle: 'path' | 'virtual';
  readonly caFile: string | undefined;
  /** Whether the certificate of the endpoint is checked. */
  readonly verify: boolean;
  readonly sse: S3Encryption | undefined;
  readonly storageClass: string | undefined;
  readonly checksum: S3Checksum;
}

const sseMode = oneOf(['AES256', 'aws:kms']);

const sseExpected = 'AES256, aws:kms, or a mapping with mode and kms_key_id';

const shape = {
  bucket: requiredText('the name of a bucket'),
  access_key: z.string('an access key').optional(),
  secret_key: z.string('a secret key').optional(),
  session_token: optionalText('a session token'),
  iamauto: flag(false),
  url: optionalText('the URL of an S3 endpoint, such as http://127.0.0.1:9000'),
  region: z.union([z.literal(false), z.string()], 'the name of a region, or false').optional(),
  create_bucket: flag(false),
  prefix: z.string('a text').default(''),
  addressing_style: z
    .union([z.literal(''), z.literal('auto'), oneOf(['path', 'virtual'])], 'path or virtual')
    .optional(),
  ca_file: optionalText('the path of a file with certificates'),
  verify: flag(true),
  sse: z
    .union(
      [
        z.literal('').transform(() => undefined),
        sseMode.transform((mode) => ({ mode, kms_key_id: undefined })),
        z.object({ mode: sseMode, kms_key_id: optionalText('the id of a KMS key') }),
      ],
      sseExpected,
    )
    .optional(),
  sse_kms_key_id: optionalText('the id of a KMS key'),
  storage_class: optionalText('the name of a storage class, such as STANDARD_IA'),
  checksum: oneOf(S3_CHECKSUMS).optional(),
};

type Section = z.infer<z.ZodObject<typeof shape>>;

/**
 * Both keys win over `iamauto`, as in the original; two keys that are there but empty mean the standard chain, as
 * its client took them. Adds an issue where credentials are missing or incomplete.
 */
const credentialsOf = (section: Section, context: z.RefinementCtx): S3Credentials => {
  const { access_key: accessKey, secret_key: secretKey } = section;
  if (accessKey && secretKey) return { kind: 'static', accessKey, secretKey, sessionToken: section.session_token };
  if (section.iamauto || (accessKey === '' && secretKey === '')) return { kind: 'chain' };
  const missing = accessKey ? 'secret_key' : 'access_key';
  const message =
    accessKey || secretKey ? 'both access_key and secret_key' : 'access_key and secret_key, or iamauto: true';
  context.addIssue({ code: 'custom', path: [missing], message });
  return z.NEVER;
};

const encryptionOf = (section: Section, context: z.RefinementCtx): S3Encryption | undefined => {
  const kmsKeyId = section.sse?.kms_key_id ?? section.sse_kms_key_id;
  const mode = section.sse?.mode ?? (kmsKeyId === undefined ? undefined : 'aws:kms');
  if (mode === undefined) return undefined;
  if (mode === 'aws:kms') return { mode, kmsKeyId };
  if (kmsKeyId === undefined) return { mode };
  context.addIssue({ code: 'custom', path: ['sse'], message: 'aws:kms, because a KMS key is named' });
  return z.NEVER;
};

const regionOf = (section: Section): string | undefined => {
  if (section.url !== undefined || typeof section.region !== 'string') return undefined;
  return /^(false|none|)$/i.test(section.region) ? undefined : section.region;
};

const isHttpUrl = (url: string): boolean => {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.protocol === 'http:' || parsed.protocol === 'https:');
};

export const s3Section: DriverSection<'s3', S3Options> = {
  driver: 's3',
  schema: z.object(shape).transform((section, context): S3Options => {
    if (section.url !== undefined && !isHttpUrl(section.url))
      context.addIssue({ code: 'custom', path: ['url'], message: 'an http:// or https:// URL' });
    return {
      bucket: section.bucket,
      credentials: credentialsOf(section, context),
      url: section.url,
      region: regionOf(section),
      createBucket: section.create_bucket,
      prefix: section.prefix,
      addressingStyle: section.addressing_style === 'virtual' ? 'virtual' : 'path',
      caFile: section.ca_file,
      verify: section.verify,
      sse: encryptionOf(section, context),
      storageClass: section.storage_class,
      checksum: section.checksum ?? 'md5',
    };
  }),
  keys: Object.keys(shape),
  secretKeys: ['secret_key', 'session_token'],
  environment: {},
};
