import { AppError } from '../../core/errors.ts';
import type { DocumentKey } from '../contract.ts';

/** An object's place: the S3 bucket and the key in it, both exactly as the content URL has them. */
export interface ObjectPlace {
  readonly bucket: string;
  readonly key: string;
}

/** What S3 allows a key to have, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/**
 * `s3://<bucket>/<key>`: the key is all that follows the bucket's slash, never percent-decoded, `#` and `?` included.
 * Source: COMPATIBILITY.md, Documents.
 */
export const findPlace = (url: string): ObjectPlace | undefined => {
  const match = /^s3:\/\/([^/]+)\/(.+)$/is.exec(url);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { bucket: match[1], key: match[2] };
};

/** Throws `store.invalid-url` where the URL is none of this driver's. */
export const parsePlace = (url: string): ObjectPlace => {
  const place = findPlace(url);
  if (place === undefined)
    throw new AppError('store.invalid-url', `expected s3://<bucket>/<key>; got ${JSON.stringify(url)}`);
  checkKey(place.key);
  return place;
};

export const urlOf = (place: ObjectPlace): string => `s3://${place.bucket}/${place.key}`;

/** The key of a document: `<prefix><userId>/<bucket>/<archiveId>`; the prefix is put before it as it is. */
export const keyOf = (prefix: string, document: DocumentKey): string => {
  const key = `${prefix}${document.userId}/${document.bucket}/${document.archiveId}`;
  checkKey(key);
  return key;
};

const checkKey = (key: string): void => {
  if (!key.isWellFormed()) {
    throw new AppError(
      'store.invalid-url',
      `the key ${JSON.stringify(key)} is not valid Unicode, so S3 cannot hold it`,
    );
  }
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes > MAX_KEY_BYTES) {
    throw new AppError(
      'store.invalid-url',
      `the key has ${sizeBytes} bytes, S3 allows ${MAX_KEY_BYTES}: ${key.slice(0, 100)}...`,
    );
  }
};
