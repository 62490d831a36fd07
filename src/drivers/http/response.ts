import type { Dispatcher } from 'undici';
import { AppError } from '../../core/errors.ts';
import { transportError } from './transport-error.ts';

/** Of an answer's headers, the first value; names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string>>;

/** The body of an answer. Must be read to its end, dumped or destroyed: until then it holds its connection. */
export interface AnswerBody extends AsyncIterable<Uint8Array> {
  bytes(): Promise<Uint8Array>;
  dump(): Promise<void>;
  destroy(): void;
}

export const firstValues = (headers: Dispatcher.ResponseData['headers']): ResponseHeaders => {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) result[name] = first;
  }
  return result;
};

/** How long a `Retry-After` (seconds, or a date) asks to wait, in milliseconds. `now` in epoch milliseconds. */
export const parseRetryAfterMs = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
};

/** A whole answer as text. Throws `store.failed` where it is longer than allowed. */
export const readText = async (
  body: AnswerBody,
  maxBytes: number,
  what: string,
  signal?: AbortSignal,
): Promise<string> => {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of body) {
      const buffer = Buffer.from(piece);
      sizeBytes += buffer.length;
      if (sizeBytes > maxBytes)
        throw new AppError('store.failed', `${what}: the answer is longer than ${maxBytes} bytes`);
      pieces.push(buffer);
    }
  } catch (error) {
    throw transportError(error, what, signal);
  }
  return Buffer.concat(pieces).toString('utf8');
};
