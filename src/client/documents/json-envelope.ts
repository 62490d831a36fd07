import { AppError } from '../../core/errors.ts';

/** A JSON document is stored as `{"document": VALUE}`. Source: COMPATIBILITY.md, Documents. */
const OPENING = '{"document": ';
const CLOSING = '}';
const ANY_OPENING = /^\s*\{\s*"document"\s*: ?/;
/** As much as an opening with some spaces can take. */
const OPENING_LIMIT_BYTES = 256;
const CLOSING_BYTE = 0x7d;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** The document that holds this text of JSON, with every byte of it. */
export const wrapValue = (value: Buffer): Buffer => Buffer.concat([Buffer.from(OPENING), value, Buffer.from(CLOSING)]);

const notADocument = (): AppError =>
  new AppError('request.conflict', 'the document is not of the form {"document": VALUE}', {
    remedy: 'Get its bytes with --raw.',
  });

const lastOther = (bytes: Buffer): number => {
  let index = bytes.length - 1;
  while (index >= 0 && SPACES.has(bytes[index] ?? 0)) index -= 1;
  return index;
};

const withoutOpening = (bytes: Buffer): Buffer => {
  const opening = ANY_OPENING.exec(bytes.subarray(0, OPENING_LIMIT_BYTES).toString('latin1'))?.[0];
  if (opening === undefined) throw notADocument();
  return bytes.subarray(opening.length);
};

/** The value inside of a document, byte by byte as it was put, while it comes. Throws `request.conflict`. */
export async function* unwrapValue(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let opened = false;
  // First what may hold the opening; then what may be the end: a brace and spaces behind it.
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    if (!opened && held.length < OPENING_LIMIT_BYTES) continue;
    if (!opened) held = withoutOpening(held);
    opened = true;
    const last = lastOther(held);
    const end = held[last] === CLOSING_BYTE ? last : held.length;
    if (end > 0) yield held.subarray(0, end);
    held = held.subarray(end);
  }
  if (!opened) held = withoutOpening(held);
  const last = lastOther(held);
  if (held[last] !== CLOSING_BYTE) throw notADocument();
  if (last > 0) yield held.subarray(0, last);
}
