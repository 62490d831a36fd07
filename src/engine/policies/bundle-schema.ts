import { z } from 'zod';
import { AppError } from '../../core/errors.ts';

/** Anything else that a bundle holds is kept as it is: other versions of the original know more. */
const text = z.string('a text').min(1, 'a text that is not empty');
const list = <Item extends z.ZodType>(item: Item) => z.array(item, 'a list');
const version = z.literal('1_0', '"1_0"');

const rule = z.looseObject(
  {
    id: text.optional(),
    gate: text,
    trigger: text,
    action: z
      .string('one of STOP, WARN, GO')
      .refine((action) => ['STOP', 'WARN', 'GO'].includes(action.toUpperCase()), 'one of STOP, WARN, GO'),
    params: list(z.looseObject({ name: text, value: z.string('a text') }, 'a mapping')).optional(),
  },
  'a mapping',
);

const policy = z.looseObject(
  { id: text, name: z.string('a text').optional(), version, rules: list(rule) },
  'a mapping',
);

const whitelist = z.looseObject(
  {
    id: text,
    name: z.string('a text').optional(),
    version,
    items: list(z.looseObject({ id: z.string('a text').optional(), gate: text, trigger_id: text }, 'a mapping')),
  },
  'a mapping',
);

const image = z.looseObject(
  {
    type: z.enum(['tag', 'digest', 'id'], 'one of tag, digest, id'),
    value: text,
  },
  'a mapping',
);

const place = { id: text.optional(), name: text, registry: text, repository: text, image };

const mapping = z.looseObject(
  {
    ...place,
    policy_id: text.optional(),
    policy_ids: list(text).optional(),
    whitelist_ids: list(text).optional(),
  },
  'a mapping',
);

const bundleSchema = z
  .looseObject(
    {
      id: text,
      name: z.string('a text').optional(),
      comment: z.string('a text').nullish(),
      version,
      policies: list(policy),
      mappings: list(mapping),
      whitelists: list(whitelist).optional(),
      whitelisted_images: list(z.looseObject(place, 'a mapping')).optional(),
      blacklisted_images: list(z.looseObject(place, 'a mapping')).optional(),
    },
    'a mapping',
  )
  .superRefine((bundle, context) => {
    const known = (ids: readonly { readonly id: string }[]): ReadonlySet<string> => new Set(ids.map(({ id }) => id));
    const policies = known(bundle.policies);
    const whitelists = known(bundle.whitelists ?? []);
    const report = (message: string, path: (string | number)[]): void =>
      context.addIssue({ code: 'custom', message, path });
    for (const kind of ['policies', 'whitelists'] as const) {
      const seen = new Set<string>();
      for (const [index, { id }] of (bundle[kind] ?? []).entries()) {
        if (seen.has(id)) report('an id that no other has', [kind, index, 'id']);
        seen.add(id);
      }
    }
    for (const [index, { policy_id, policy_ids, whitelist_ids }] of bundle.mappings.entries()) {
      const at = ['mappings', index];
      if (policy_id === undefined && policy_ids === undefined) report('policy_id or policy_ids', [...at, 'policy_ids']);
      if (policy_id !== undefined && !policies.has(policy_id)) report('the id of a policy', [...at, 'policy_id']);
      for (const [position, id] of (policy_ids ?? []).entries())
        if (!policies.has(id)) report('the id of a policy', [...at, 'policy_ids', position]);
      for (const [position, id] of (whitelist_ids ?? []).entries())
        if (!whitelists.has(id)) report('the id of a whitelist', [...at, 'whitelist_ids', position]);
    }
  });

/** What the service itself needs to know of a bundle. */
export type PolicyBundle = z.infer<typeof bundleSchema>;

const describePath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  ) || 'the bundle';

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  );

const describeValue = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  const written = JSON.stringify(value);
  return written.length > 60 ? `${written.slice(0, 60)}...` : written;
};

/** Places of errors that one answer names. */
const MAX_ISSUES = 20;

/** Throws `request.invalid` with every place, what was expected there, and what stood there. */
export const parsePolicyBundle = (value: unknown): PolicyBundle => {
  const result = bundleSchema.safeParse(value);
  if (result.success) return result.data;
  const places = result.error.issues
    .slice(0, MAX_ISSUES)
    .map(
      ({ path, message }) => `${describePath(path)}: expected ${message}; got ${describeValue(valueAt(value, path))}`,
    );
  throw new AppError('request.invalid', `the policy bundle is not valid: ${places.join('; ')}`);
};
