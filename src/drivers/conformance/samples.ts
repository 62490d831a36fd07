import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import type { DocumentKey, ObjectRef, Payload, StoredObject } from '../contract.ts';

export type BytesPayload = Payload & { readonly bytes: Uint8Array };

export const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** Bytes that are in memory, as the payload of a document. */
export const payloadOf = (bytes: Uint8Array, md5 = md5Of(bytes)): BytesPayload => ({
  sizeBytes: bytes.length,
  md5,
  bytes,
  open: async function* () {
    yield bytes;
  },
});

const CHUNK_BYTES = 64 * 1024;

/** The same bytes as a stream only, in chunks; `sizeBytes` and `md5` can be made to lie. */
export const streamOf = (
  bytes: Uint8Array,
  announced: { readonly sizeBytes?: number; readonly md5?: string } = {},
): Payload => ({
  sizeBytes: announced.sizeBytes ?? bytes.length,
  md5: announced.md5 ?? md5Of(bytes),
  open: async function* () {
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
  },
});

/** Bytes that look random, the same for the same seed. */
export const makeBytes = (sizeBytes: number, seed: string): Uint8Array => {
  const key = createHash('md5').update(seed).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
};

export const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A key that no other test has. */
export const makeKey = (
  archiveId = `sample-${randomBytes(6).toString('hex')}`,
  bucket = 'analysis_data',
): DocumentKey => ({
  userId: 'admin',
  bucket,
  archiveId,
  documentName: `${archiveId}.json`,
});

export const readBytes = async (object: StoredObject): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
};

export const refOf = (key: DocumentKey, url: string): ObjectRef => ({ key, url });

/** Contents that a driver could get wrong, by name. */
export const makeContents = (): Readonly<Record<string, Uint8Array>> => ({
  'nothing': new Uint8Array(0),
  'one byte': Uint8Array.of(0x7b),
  'a NUL byte': Uint8Array.of(0),
  'JSON text': textBytes('{"document": {"name": "übergröße 😀", "quoted": "\\"\'\\\\x00 $1 %s"}}'),
  'text with a byte order mark': Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d),
  'text with all line ends': textBytes('a\r\nb\nc\rd\n\n'),
  'text that looks like hexadecimal bytes': textBytes('\\x00ff'),
  'text that looks like base64': textBytes('eyJhIjogMX0=\n'),
  'text holding NUL': textBytes('{"a": "\u0000"}'),
  'an encoded surrogate': Uint8Array.of(0xed, 0xa0, 0x80),
  'a broken UTF-8 sequence': Uint8Array.of(0x7b, 0xe2, 0x82),
  'every byte': Uint8Array.from({ length: 256 }, (_, index) => index),
  '57 bytes': makeBytes(57, '57'),
  '58 bytes': makeBytes(58, '58'),
  '64 KiB and 1': makeBytes(64 * 1024 + 1, 'medium'),
});

/** Keys that a driver could get wrong, by name. */
export const KEYS: Readonly<Record<string, string>> = {
  'a digest': 'sha256:0873c923e00e0fd2ba78041bfb64a105e1ecb7678916d1f7776311e45bf5634b',
  'spaces': ' two  spaces and one at the end ',
  'plus': 'a+b c%2Bd',
  'percent': '100%/%41%zz%',
  'hash': 'before#after',
  'question mark': 'before?a=b&c=d',
  'unicode': 'grüße/日本語/😀',
  'decomposed unicode': 'gru\u0308\u00dfe',
  'two slashes': 'a//b',
  'slash at the start': '/a',
  'slash at the end': 'a/',
  'dots': 'a/../b/./c',
  'only dots': '..',
  'quotes': `it's "quoted" \\ back`,
  'markup': '<a>&amp;</a>',
  'control characters': 'tab\tline\nend',
  'upper case': 'CaseMatters',
  'lower case': 'casematters',
};
