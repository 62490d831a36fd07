import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import type { Payload } from '../contract.ts';

const differs = (what: string, found: string): AppError =>
  // The same bytes would differ again: repeating the request helps only where the source is read anew.
  new AppError('store.corrupt', `${what}: the bytes to be sent are not the payload that was announced: ${found}`);

/** Throws `store.corrupt` where the bytes are not what the payload says of itself. */
export const checkBytes = (payload: Payload, bytes: Uint8Array, what: string): void => {
  if (bytes.length !== payload.sizeBytes) throw differs(what, `${bytes.length} bytes instead of ${payload.sizeBytes}`);
  const md5 = createHash('md5').update(bytes).digest('hex');
  if (md5 !== payload.md5) throw differs(what, `MD5 ${md5} instead of ${payload.md5}`);
};

/** All bytes of a payload that is known to be small, checked. */
export const readPayload = async (
  payload: Payload,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  if (payload.bytes === undefined) {
    for await (const piece of payload.open(signal)) {
      sizeBytes += piece.length;
      if (sizeBytes > payload.sizeBytes) throw differs(what, `more than ${payload.sizeBytes} bytes`);
      pieces.push(piece);
    }
  }
  const bytes = payload.bytes ?? Buffer.concat(pieces);
  checkBytes(payload, bytes, what);
  return bytes;
};

/**
 * The bytes of a payload, the last piece held back until size and MD5 are known to be right. Where they are not the
 * stream fails before its announced length is reached, so that no store keeps what came.
 */
export async function* verifiedStream(
  payload: Payload,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('md5');
  let sizeBytes = 0;
  let held: Uint8Array | undefined;
  for await (const piece of payload.open(signal)) {
    if (piece.length === 0) continue;
    sizeBytes += piece.length;
    if (sizeBytes > payload.sizeBytes) throw differs(what, `more than ${payload.sizeBytes} bytes`);
    hash.update(piece);
    if (held !== undefined) yield held;
    held = piece;
  }
  if (sizeBytes !== payload.sizeBytes) throw differs(what, `${sizeBytes} bytes instead of ${payload.sizeBytes}`);
  const md5 = hash.digest('hex');
  if (md5 !== payload.md5) throw differs(what, `MD5 ${md5} instead of ${payload.md5}`);
  if (held !== undefined) yield held;
}
