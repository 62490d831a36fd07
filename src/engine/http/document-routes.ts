import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../core/errors.ts';
import type { DocumentKey } from '../../drivers/contract.ts';
import type { OpenDocument } from '../documents/document-archive.ts';
import { checkJsonDocument } from '../documents/json-document.ts';
import { POLICY_BUCKET } from '../policies/policies.ts';
import { atEnd, readBody } from './read-body.ts';
import type { RequestContext, RequestEnvironment, ServiceParts } from './request-environment.ts';
import { BASIC, COMMON_ERRORS, CONFLICT, TOO_LARGE } from './schemas.ts';

const MAX_NAME_LENGTH = 1024;

const params = z.object({
  bucket: z.string().openapi({ param: { name: 'bucket', in: 'path' } }),
  archiveid: z.string().openapi({ param: { name: 'archiveid', in: 'path' } }),
});

/** Schemas that only describe: the library would otherwise read and parse the body itself. */
const JSON_DOCUMENT: { type: 'object'; required: string[]; properties: Record<string, { description: string }> } = {
  type: 'object',
  required: ['document'],
  properties: { document: { description: 'Any JSON value' } },
};
const BYTES: { type: 'string'; format: string } = { type: 'string', format: 'binary' };

const keyOf = (c: RequestContext): DocumentKey => {
  const bucket = c.req.param('bucket') ?? '';
  const archiveId = c.req.param('archiveid') ?? '';
  for (const name of [bucket, archiveId]) {
    if (name === '' || name.length > MAX_NAME_LENGTH || name.includes('\0') || !name.isWellFormed())
      throw new AppError('request.invalid', 'expected names of 1 to 1024 characters, in valid UTF-8');
  }
  return { userId: c.get('caller').account.name, bucket, archiveId, documentName: `${archiveId}.json` };
};

const refusePolicies = (key: DocumentKey): void => {
  if (key.bucket === POLICY_BUCKET)
    throw new AppError('request.conflict', `documents in ${POLICY_BUCKET} change through /v1/policies`);
};

const asStream = (chunks: AsyncIterable<Uint8Array>, count: (bytes: number) => void): ReadableStream<Uint8Array> => {
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      count(chunk.length);
      yield chunk;
    }
  };
  return ReadableStream.from(counted());
};

/** The first chunk decides what kind of document it is; it is then given again with the rest. */
const peek = async (
  opened: OpenDocument,
): Promise<{ readonly first: Uint8Array; readonly chunks: AsyncIterable<Uint8Array> }> => {
  const iterator = opened.chunks[Symbol.asyncIterator]();
  const next = await iterator.next();
  const first = next.done === true ? new Uint8Array() : next.value;
  const all = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield first;
      for (;;) {
        const following = await iterator.next();
        if (following.done === true) return;
        yield following.value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  return { first, chunks: all() };
};

const looksLikeDocument = (first: Uint8Array): boolean =>
  /^\s*\{\s*"document"/.test(Buffer.from(first.buffer, first.byteOffset, Math.min(first.length, 200)).toString('utf8'));

const addJsonRoutes = (app: OpenAPIHono<RequestEnvironment>, parts: ServiceParts, path: string): void => {
  const { documents, metrics } = parts;
  app.openapi(
    createRoute({
      method: 'get',
      path,
      tags: ['documents'],
      summary: 'A JSON document',
      security: BASIC,
      request: { params },
      responses: {
        200: { description: 'The document', content: { 'application/json': { schema: JSON_DOCUMENT } } },
        ...COMMON_ERRORS,
        ...CONFLICT,
      },
    }),
    async (c) => {
      const key = keyOf(c);
      const opened = await documents.open(key, c.get('signal'));
      if (opened === undefined) throw notFound(key);
      // Whether anything of it was read or not.
      atEnd(c, opened);
      const { first, chunks } = await peek(opened);
      if (!looksLikeDocument(first)) {
        for await (const _ of chunks) break;
        throw new AppError('request.conflict', 'the document is not a JSON document: ask for /v1/objects/raw');
      }
      return answer(chunks, opened.sizeBytes, 'application/json', (bytes) =>
        metrics.documentBytes('out', bytes),
      ) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path,
      tags: ['documents'],
      summary: 'Stores or replaces a JSON document',
      security: BASIC,
      request: { params, body: { required: true, content: { 'application/json': { schema: JSON_DOCUMENT } } } },
      responses: {
        200: { description: 'Stored', content: { 'application/json': { schema: z.boolean() } } },
        ...COMMON_ERRORS,
        ...CONFLICT,
        ...TOO_LARGE,
      },
    }),
    async (c) => {
      const key = keyOf(c);
      refusePolicies(key);
      await using content = await readBody(c, parts);
      await checkJsonDocument(await content.encode(false));
      metrics.documentBytes('in', content.sizeBytes);
      await documents.put(key, content, c.get('signal'));
      return c.json(true, 200);
    },
  );
  addDeleteRoute(app, parts, path);
};

const addDeleteRoute = (app: OpenAPIHono<RequestEnvironment>, { documents }: ServiceParts, path: string): void => {
  app.openapi(
    createRoute({
      method: 'delete',
      path,
      tags: ['documents'],
      summary: 'Deletes a document',
      security: BASIC,
      request: { params },
      responses: {
        200: { description: 'Deleted', content: { 'application/json': { schema: z.boolean() } } },
        ...COMMON_ERRORS,
        ...CONFLICT,
      },
    }),
    async (c) => {
      const key = keyOf(c);
      refusePolicies(key);
      if (!(await documents.delete(key, c.get('signal')))) throw notFound(key);
      return c.json(true, 200);
    },
  );
};

const addRawRoutes = (app: OpenAPIHono<RequestEnvironment>, parts: ServiceParts): void => {
  const { documents, metrics } = parts;
  const path = '/v1/objects/raw/{bucket}/{archiveid}';
  app.openapi(
    createRoute({
      method: 'get',
      path,
      tags: ['documents'],
      summary: 'The bytes of a document',
      security: BASIC,
      request: { params },
      responses: {
        200: { description: 'Its content', content: { 'application/octet-stream': { schema: BYTES } } },
        ...COMMON_ERRORS,
      },
    }),
    async (c) => {
      const key = keyOf(c);
      const opened = await documents.open(key, c.get('signal'));
      if (opened === undefined) throw notFound(key);
      // Whether anything of it was read or not.
      atEnd(c, opened);
      const count = (bytes: number): void => metrics.documentBytes('out', bytes);
      return answer(opened.chunks, opened.sizeBytes, 'application/octet-stream', count) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path,
      tags: ['documents'],
      summary: 'Stores or replaces a document of any bytes',
      security: BASIC,
      request: { params, body: { required: true, content: { 'application/octet-stream': { schema: BYTES } } } },
      responses: {
        200: { description: 'Stored', content: { 'application/json': { schema: z.boolean() } } },
        ...COMMON_ERRORS,
        ...CONFLICT,
        ...TOO_LARGE,
      },
    }),
    async (c) => {
      const key = keyOf(c);
      refusePolicies(key);
      await using content = await readBody(c, parts);
      metrics.documentBytes('in', content.sizeBytes);
      await documents.put(key, content, c.get('signal'));
      return c.json(true, 200);
    },
  );
  addDeleteRoute(app, parts, path);
};

const notFound = (key: DocumentKey): AppError =>
  new AppError('request.not-found', `there is no document ${JSON.stringify(`${key.bucket}/${key.archiveId}`)}`);

const answer = (
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number | undefined,
  contentType: string,
  count: (bytes: number) => void,
): Response =>
  new Response(asStream(chunks, count), {
    headers: {
      'content-type': contentType,
      // What users stored is never shown by a browser as if it were a page of ours.
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      ...(sizeBytes !== undefined && { 'content-length': String(sizeBytes) }),
    },
  });

/** The catalog's documents: JSON, under two names, and raw. */
export const addDocumentRoutes = (app: OpenAPIHono<RequestEnvironment>, parts: ServiceParts): void => {
  addRawRoutes(app, parts);
  for (const path of ['/v1/objects/{bucket}/{archiveid}', '/v1/archive/{bucket}/{archiveid}'])
    addJsonRoutes(app, parts, path);
};
