import type { ResponseHeaders } from '../http/response.ts';

/** `static` and `dynamic`: the object is a list of others, whose bytes together are what a reader gets. */
export type LargeObjectKind = 'plain' | 'static' | 'dynamic';

/** What a HEAD or GET says of an object. */
export interface ObjectState {
  readonly kind: LargeObjectKind;
  readonly sizeBytes: number | undefined;
  /** Of the bytes; undefined for large objects, whose ETag is a digest of digests. */
  readonly md5: string | undefined;
}

/** An ETag without its quotes, which large objects and the `etag_quoter` middleware add. */
export const unquoteEtag = (etag: string | undefined): string | undefined =>
  etag?.replace(/^"(.*)"$/s, '$1').toLowerCase();

const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === 'true';

export const parseObjectState = (headers: ResponseHeaders): ObjectState => {
  const kind: LargeObjectKind = isTrue(headers['x-static-large-object'])
    ? 'static'
    : headers['x-object-manifest'] === undefined
      ? 'plain'
      : 'dynamic';
  const etag = unquoteEtag(headers['etag']);
  const length = headers['content-length'];
  return {
    kind,
    sizeBytes: length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined,
    md5: kind === 'plain' && etag !== undefined && /^[0-9a-f]{32}$/.test(etag) ? etag : undefined,
  };
};
