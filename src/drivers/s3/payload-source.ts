import { checkBytes, openChecked } from '../checked-payload.ts';
import type { Payload } from '../contract.ts';

/** All bytes of a payload that is known to be small, checked. Throws `store.corrupt` where they are not what it says. */
export const readPayload = async (
  payload: Payload,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> => {
  const { bytes } = payload;
  if (bytes !== undefined) {
    checkBytes({ ...payload, bytes }, what);
    return bytes;
  }
  return Buffer.concat(await Array.fromAsync(openChecked(payload, what, signal)));
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
  let held: Uint8Array | undefined;
  for await (const piece of openChecked(payload, what, signal)) {
    if (piece.length === 0) continue;
    if (held !== undefined) yield held;
    held = piece;
  }
  if (held !== undefined) yield held;
}
