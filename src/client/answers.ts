import { z } from 'zod';

/** What commands need of answers; whatever else these hold stays as it is. Source: COMPATIBILITY.md, the REST API. */

const text = z.string().nullish();

export const policySchema = z.looseObject({
  policyId: z.string(),
  active: z.boolean(),
  policy_source: text,
  created_at: text,
  last_updated: text,
});
export type PolicyRecord = z.infer<typeof policySchema>;

export const policiesSchema = z.array(policySchema);

export const accountsSchema = z.array(
  z.looseObject({ name: z.string(), email: text, type: text, state: text, created_at: text }),
);

export const systemSchema = z.looseObject({
  service_states: z.array(
    z.looseObject({
      servicename: z.string(),
      hostid: text,
      base_url: text,
      status: z.boolean().nullish(),
      status_message: text,
      service_detail: z.looseObject({ up: z.boolean().nullish(), version: text, db_version: text }).nullish(),
    }),
  ),
});

export const documentPageSchema = z.looseObject({
  documents: z.array(
    z.looseObject({
      bucket: z.string(),
      archiveid: z.string(),
      size: z.number().nullable(),
      is_compressed: z.boolean(),
      last_updated: text,
    }),
  ),
  next: z.string().nullable(),
});
