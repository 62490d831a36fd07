import type { IncomingMessage } from 'node:http';
import { AppError, isAppError, messageOf } from '../../core/errors.ts';
import { type ContentSource, receiveContent, tooLarge } from '../documents/content-source.ts';
import type { DocumentMemory } from '../documents/document-memory.ts';
import { checkJson } from '../documents/json-document.ts';
import type { RequestContext, ServiceParts } from './request-environment.ts';

/** The body as it comes. What breaks it off is the request's own error; the connection stays, for an answer. */
async function* chunksOf(incoming: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = (): void => void incoming.destroy(toError(signal.reason));
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
    if (!incoming.complete) throw new Error('the connection was closed');
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError('request.invalid', `the body did not arrive whole: ${messageOf(error)}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

/** Disposes of something when the connection is done with the request, whatever became of it. */
export const atEnd = (c: RequestContext, held: Disposable): void => {
  const { outgoing } = c.env;
  if (outgoing.destroyed) held[Symbol.dispose]();
  else outgoing.once('close', () => held[Symbol.dispose]());
};

/** The whole body, however large, up to a limit. Dispose of it. Throws `request.too-large`, `request.invalid`. */
export const readBody = async (
  c: RequestContext,
  { limits, temporaryFolder, memory }: Pick<ServiceParts, 'limits' | 'temporaryFolder' | 'memory'>,
): Promise<ContentSource> => {
  const { incoming } = c.env;
  const { maxDocumentBytes: limitBytes } = limits;
  const length = c.req.header('content-length');
  const announcedBytes = length === undefined ? undefined : Number(length);
  // Refused before it is sent, where the client says how much it would be.
  if (announcedBytes !== undefined && announcedBytes > limitBytes) throw tooLarge(limitBytes);
  const chunks = chunksOf(incoming as IncomingMessage, c.get('signal'));
  return receiveContent(chunks, { limitBytes, announcedBytes, folder: temporaryFolder, memory });
};

const collect = async (chunks: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
    parts.push(chunk);
  }
  return Buffer.concat(parts, sizeBytes);
};

export interface JsonBody {
  /** As they were sent: numbers beyond what a double holds stay as they are. */
  readonly bytes: Buffer;
  readonly value: unknown;
}

/** What JSON takes as bytes and as values. */
const JSON_COPIES = 4;

/** A body of JSON in memory, until the request has ended. Throws `request.invalid` where it is none, `service.unavailable`. */
export const readJson = async (c: RequestContext, limitBytes: number, memory: DocumentMemory): Promise<JsonBody> => {
  const announcedBytes = Number(c.req.header('content-length') ?? limitBytes);
  if (announcedBytes > limitBytes) throw tooLarge(limitBytes);
  const share = memory.tryTakeForBody(announcedBytes * JSON_COPIES);
  if (share === undefined)
    throw new AppError('service.unavailable', 'other requests take all the memory that there is', {
      retryAfterMs: 1000,
    });
  atEnd(c, share);
  const bytes = await collect(chunksOf(c.env.incoming as IncomingMessage, c.get('signal')), limitBytes);
  // Before it becomes values: those that nest too deep could not be written again.
  checkJson(bytes);
  return { bytes, value: JSON.parse(bytes.toString('utf8')) as unknown };
};
