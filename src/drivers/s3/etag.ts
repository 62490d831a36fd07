import type { ResponseHeaders } from '../http/response.ts';

/** The entity tag without its quotes; undefined where there is none. */
export const unquoteEtag = (etag: string | undefined): string | undefined =>
  etag
    ?.trim()
    .replace(/^(?:W\/)?"?|"$/g, '')
    .toLowerCase();

/**
 * The MD5 of an object, where its entity tag is one: 32 hex digits without the `-<parts>` of a multipart upload, and not
 * encrypted with a key that the store or client manages, where the tag is the MD5 of the encrypted bytes or of nothing.
 */
export const md5FromEtag = (headers: ResponseHeaders): string | undefined => {
  const encryption = headers['x-amz-server-side-encryption'];
  if (encryption !== undefined && encryption !== 'AES256') return undefined;
  if (headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined) return undefined;
  const etag = unquoteEtag(headers['etag']);
  return etag !== undefined && /^[0-9a-f]{32}$/.test(etag) ? etag : undefined;
};
