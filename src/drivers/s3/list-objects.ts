import { AppError } from '../../core/errors.ts';
import type { ListedObject } from '../contract.ts';
import type { S3Client, S3Request } from './client.ts';
import { urlOf } from './object-url.ts';
import { childText, childrenNamed, parseXml, type XmlElement } from './xml.ts';

/** What S3 gives in one page at most. */
export const MAX_PAGE_KEYS = 1000;

const wrong = (bucket: string, why: string): AppError =>
  new AppError('store.failed', `the listing of s3://${bucket}: ${why}`);

/** As HTML forms encode: `+` is a blank, and a plus sign comes as `%2B`. */
export const decodeKey = (bucket: string, text: string, encoded: boolean): string => {
  if (!encoded) {
    // What stands in a listing for a character that its XML could not hold: the key is another one.
    if (text.includes('\ufffd')) throw wrong(bucket, `this store cannot list the key ${JSON.stringify(text)} exactly`);
    return text;
  }
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch (cause) {
    throw new AppError('store.failed', `the listing of s3://${bucket}: a key that cannot be decoded: ${text}`, {
      cause,
    });
  }
};

const parseEntry = (bucket: string, prefix: string, entry: XmlElement, encoded: boolean): ListedObject => {
  const name = childText(entry, 'Key');
  const size = childText(entry, 'Size')?.trim();
  if (name === undefined || size === undefined || !/^\d+$/.test(size))
    throw wrong(bucket, 'an object without key or size');
  const key = decodeKey(bucket, name, encoded);
  if (!key.startsWith(prefix)) throw wrong(bucket, `the key ${JSON.stringify(key)} does not begin with the prefix`);
  return { url: urlOf({ bucket, key }), sizeBytes: Number(size) };
};

/** Whether more follows, as the page itself says. A page that does not say is not one to rely on. */
const parseTruncated = (bucket: string, page: XmlElement): boolean => {
  const text = childText(page, 'IsTruncated')?.trim();
  if (text !== 'true' && text !== 'false') throw wrong(bucket, 'it does not say whether it is complete');
  return text === 'true';
};

/**
 * Every object under the prefix. Throws rather than to list a part: where a page is cut short without a way to go on,
 * or where the store begins to repeat itself.
 */
export async function* listObjects(
  client: S3Client,
  bucket: string,
  prefix: string,
  pageKeys: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  const tokens = new Set<string>();
  const firsts = new Set<string>();
  let token: string | undefined;
  do {
    const request: S3Request = {
      operation: 'ListObjectsV2',
      method: 'GET',
      bucket,
      query: {
        'list-type': '2',
        'encoding-type': 'url',
        'max-keys': String(pageKeys),
        ...(prefix !== '' && { prefix }),
        ...(token !== undefined && { 'continuation-token': token }),
      },
      signal,
    };
    const page = parseXml((await client.sendForText(request)).text);
    if (page.name !== 'ListBucketResult') throw wrong(bucket, `expected ListBucketResult; got ${page.name}`);
    const encoded = childText(page, 'EncodingType')?.trim() === 'url';
    const truncated = parseTruncated(bucket, page);
    const entries = childrenNamed(page, 'Contents').map((entry) => parseEntry(bucket, prefix, entry, encoded));
    const first = entries[0]?.url;
    if (first !== undefined && firsts.has(first)) throw wrong(bucket, 'a page came twice');
    if (first !== undefined) firsts.add(first);
    yield* entries;
    token = truncated ? childText(page, 'NextContinuationToken') : undefined;
    if (truncated && !token) throw wrong(bucket, 'it is cut short and does not say how to go on');
    if (token !== undefined && tokens.has(token)) throw wrong(bucket, 'it goes round in a circle');
    if (token !== undefined) tokens.add(token);
  } while (token !== undefined);
}
