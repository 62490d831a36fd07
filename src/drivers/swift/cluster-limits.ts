import { z } from 'zod';
import { DEFAULT_MAX_NAME_BYTES } from './object-url.ts';

/** What a cluster can do, from its `/info`. */
export interface ClusterLimits {
  readonly maxObjectBytes: number;
  readonly maxNameBytes: number;
  /** undefined where the cluster has no static large objects. */
  readonly largeObjects: { readonly maxSegments: number } | undefined;
  /** undefined where the cluster does not delete in bulk. */
  readonly bulkDelete: { readonly maxItems: number } | undefined;
}

/** Swift's own limit of one object: 5 GiB. */
const DEFAULT_MAX_OBJECT_BYTES = 5 * 1024 ** 3;

/** What every Swift does, for clusters that do not tell. Without word of them, nothing optional is used. */
export const DEFAULT_LIMITS: ClusterLimits = {
  maxObjectBytes: DEFAULT_MAX_OBJECT_BYTES,
  maxNameBytes: DEFAULT_MAX_NAME_BYTES,
  largeObjects: undefined,
  bulkDelete: undefined,
};

const count = (byDefault: number) => z.number().int().positive().catch(byDefault).default(byDefault);

const infoSchema = z.object({
  swift: z
    .object({ max_file_size: count(DEFAULT_MAX_OBJECT_BYTES), max_object_name_length: count(DEFAULT_MAX_NAME_BYTES) })
    .optional(),
  slo: z.object({ max_manifest_segments: count(1000) }).optional(),
  bulk_delete: z.object({ max_deletes_per_request: count(1000), max_failed_deletes: count(1000) }).optional(),
});

/** Parses `/info`; the defaults where it is missing or something else. */
export const parseLimits = (info: string | undefined): ClusterLimits => {
  if (info === undefined) return DEFAULT_LIMITS;
  try {
    const { swift, slo, bulk_delete: bulk } = infoSchema.parse(JSON.parse(info));
    return {
      maxObjectBytes: swift?.max_file_size ?? DEFAULT_MAX_OBJECT_BYTES,
      maxNameBytes: swift?.max_object_name_length ?? DEFAULT_MAX_NAME_BYTES,
      largeObjects: slo && { maxSegments: slo.max_manifest_segments },
      bulkDelete: bulk && { maxItems: Math.min(bulk.max_deletes_per_request, bulk.max_failed_deletes) },
    };
  } catch {
    // A page of some gateway, say: no reason to stop, nothing to rely on.
    return DEFAULT_LIMITS;
  }
};
