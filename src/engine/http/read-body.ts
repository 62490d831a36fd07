import type { IncomingMessage } from 'node:http';
import { AppError, isAppError, messageOf } from '../../core/errors.ts';
import { type ContentSource, receiveContent, tooLarge } from '../documents/content-source.ts';
import { checkJson } from '../documents/json-document.ts';
import type { RequestContext } from './request-environment.ts';

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

/** The whole body, however large, up to a limit. Dispose of it. Throws `request.too-large`, `request.invalid`. */
export const readBody = async (
  c: RequestContext,
  limitBytes: number,
  temporaryFolder: string,
): Promise<ContentSource> => {
  const { incoming } = c.env;
  const announced = Number(c.req.header('content-length') ?? 0);
  // Refused before it is sent, where the client says how much it would be.
  if (announced > limitBytes) throw tooLarge(limitBytes);
  return receiveContent(chunksOf(incoming as IncomingMessage, c.get('signal')), limitBytes, temporaryFolder);
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

/** A body of JSON in memory. Throws `request.invalid` where it is none. */
export const readJson = async (c: RequestContext, limitBytes: number): Promise<JsonBody> => {
  if (Number(c.req.header('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const bytes = await collect(chunksOf(c.env.incoming as IncomingMessage, c.get('signal')), limitBytes);
  // Before it becomes values: those that nest too deep could not be written again.
  checkJson(bytes);
  return { bytes, value: JSON.parse(bytes.toString('utf8')) as unknown };
};
