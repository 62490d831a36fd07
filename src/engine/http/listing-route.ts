import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../core/errors.ts';
import type { RequestEnvironment, ServiceParts } from './request-environment.ts';
import { BASIC, COMMON_ERRORS, documentListSchema, toTime } from './schemas.ts';

/** Documents of one answer. */
const MAX_PAGE = 1000;

/** What the database can compare with. */
const name = z.string().refine((text) => !text.includes('\0') && text.isWellFormed(), 'a name in valid UTF-8');

const query = z.object({
  bucket: name.optional(),
  after: z.string().optional().openapi({ description: 'What `next` of the page before said' }),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
});

type Place = { readonly bucket: string; readonly archiveId: string };

const writeCursor = ({ bucket, archiveId }: Place): string =>
  Buffer.from(JSON.stringify([bucket, archiveId])).toString('base64url');

const parseCursor = (text: string): Place => {
  try {
    const [bucket, archiveId] = z
      .tuple([name, name])
      .parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return { bucket, archiveId };
  } catch (cause) {
    throw new AppError('request.invalid', 'after: expected what `next` of the page before said', { cause });
  }
};

/** Which documents an account has, a page at a time: one that comes or goes meanwhile moves no other. */
export const addListingRoute = (app: OpenAPIHono<RequestEnvironment>, { documents }: ServiceParts): void => {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/objects',
      tags: ['documents'],
      summary: 'The documents of the account, by bucket and archive id',
      security: BASIC,
      request: { query },
      responses: {
        200: { description: 'A page of them', content: { 'application/json': { schema: documentListSchema } } },
        ...COMMON_ERRORS,
      },
    }),
    async (c) => {
      const { bucket, after, limit } = c.req.valid('query');
      const rows = await documents.list({
        userId: c.get('caller').account.name,
        bucket,
        after: after === undefined ? undefined : parseCursor(after),
        limit,
      });
      const last = rows.at(-1);
      return c.json(
        {
          documents: rows.map(({ key, sizeBytes, digest, compressed, lastUpdated }) => ({
            bucket: key.bucket,
            archiveid: key.archiveId,
            size: sizeBytes,
            digest,
            is_compressed: compressed === true,
            last_updated: toTime(lastUpdated),
          })),
          next: last === undefined || rows.length < limit ? null : writeCursor(last.key),
        },
        200,
      );
    },
  );
};
