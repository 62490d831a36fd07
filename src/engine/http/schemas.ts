import { z } from '@hono/zod-openapi';

/** What goes over the wire. Source: COMPATIBILITY.md, the REST API. */

const errorSchema = z
  .object({
    message: z.string(),
    httpcode: z.int(),
    detail: z.object({
      error_codes: z.array(z.string()),
      remedy: z.string().optional(),
      request_id: z.string().optional(),
    }),
  })
  .openapi('ApiErrorResponse');

/** `2018-08-15T17:16:33Z` */
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

export const policySchema = z
  .object({
    policyId: z.string(),
    active: z.boolean(),
    userId: z.string(),
    policy_source: z.string(),
    created_at: time.nullable(),
    last_updated: time.nullable(),
    policybundle: z.unknown().optional(),
  })
  .openapi('PolicyBundleRecord');

export const documentListSchema = z
  .object({
    documents: z.array(
      z.object({
        bucket: z.string(),
        archiveid: z.string(),
        size: z.number().nullable().openapi({ description: 'Bytes as stored, perhaps compressed; null where unknown' }),
        digest: z.string().nullable().openapi({ description: 'MD5 of the bytes as stored' }),
        is_compressed: z.boolean(),
        last_updated: time.nullable(),
      }),
    ),
    next: z.string().nullable().openapi({ description: 'For `after` of the next request; null: there are no more' }),
  })
  .openapi('DocumentList');

export const accountSchema = z
  .object({
    name: z.string(),
    email: z.string().nullable(),
    type: z.string(),
    state: z.string(),
    created_at: time.nullable(),
  })
  .openapi('Account');

export const userSchema = z
  .object({ username: z.string(), type: z.string(), account: z.string(), created_at: time.nullable() })
  .openapi('User');

export const systemSchema = z
  .object({
    service_states: z.array(
      z.object({
        servicename: z.string(),
        hostid: z.string(),
        base_url: z.string().nullable(),
        status: z.boolean(),
        status_message: z.string(),
        service_detail: z.object({ up: z.boolean(), version: z.string(), db_version: z.string() }),
      }),
    ),
  })
  .openapi('SystemStatusResponse');

export const versionSchema = z
  .object({
    service: z.object({ version: z.string() }),
    api: z.object({ version: z.string() }),
    db: z.object({ schema_version: z.string() }),
  })
  .openapi('ServiceVersion');

export const healthSchema = z.object({ status: z.enum(['ok', 'stopping', 'database']) }).openapi('Health');

/** Epoch seconds as answers have them; null where they are not known. */
export const toTime = (seconds: number | null): string | null =>
  seconds === null ? null : new Date(seconds * 1000).toISOString().replace(/\.\d{3}Z$/, 'Z');

const errorContent = { 'application/json': { schema: errorSchema } };

/** The answers that any request with a user may get. */
export const COMMON_ERRORS = {
  400: { description: 'The request cannot be understood', content: errorContent },
  401: { description: 'The user or the password is wrong', content: errorContent },
  403: { description: 'The user may not do this', content: errorContent },
  404: { description: 'There is no such thing', content: errorContent },
  429: { description: 'Too many attempts to log in failed', content: errorContent },
  500: { description: 'The service met an error', content: errorContent },
  503: { description: 'Not now: try again', content: errorContent },
} as const;

export const CONFLICT = { 409: { description: 'It does not fit the present state', content: errorContent } } as const;
export const TOO_LARGE = { 413: { description: 'Larger than the limit', content: errorContent } } as const;

/** Booleans of queries, as the original client writes them. */
export const queryFlag = z
  .string()
  .optional()
  .transform((text) => text?.toLowerCase() === 'true')
  .openapi({ type: 'string', enum: ['True', 'False', 'true', 'false'] });

export const BASIC = [{ basic: [] as string[] }];
