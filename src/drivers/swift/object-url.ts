import { AppError } from '../../core/errors.ts';
import type { DocumentKey } from '../contract.ts';

/** An object's place: container and name, both exactly as the content URL has them. */
export interface ObjectPlace {
  readonly container: string;
  readonly name: string;
}

/** What Swift allows a name to have where a cluster does not say, in bytes of UTF-8. */
export const DEFAULT_MAX_NAME_BYTES = 1024;

/**
 * `swift://<container>/<name>`: the name is all that follows the container's slash, never percent-decoded, `#` and `?`
 * included; the container keeps its case. Source: COMPATIBILITY.md, Documents.
 */
export const findPlace = (url: string): ObjectPlace | undefined => {
  const match = /^swift:\/\/([^/]+)\/(.+)$/is.exec(url);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { container: match[1], name: match[2] };
};

/** Throws `store.invalid-url` where the URL is none of this driver's. */
export const parsePlace = (url: string, maxNameBytes: number): ObjectPlace => {
  const place = findPlace(url);
  if (place === undefined) {
    throw new AppError('store.invalid-url', `expected swift://<container>/<object>; got ${JSON.stringify(url)}`);
  }
  checkName(place.name, maxNameBytes);
  return place;
};

export const urlOf = (place: ObjectPlace): string => `swift://${place.container}/${place.name}`;

/** The name of a document: `<prefix><userId>/<bucket>/<archiveId>`; the prefix is put before it as it is. */
export const nameOf = (prefix: string, document: DocumentKey, maxNameBytes: number): string => {
  const name = `${prefix}${document.userId}/${document.bucket}/${document.archiveId}`;
  checkName(name, maxNameBytes);
  return name;
};

const checkName = (name: string, maxNameBytes: number): void => {
  if (!name.isWellFormed() || name.includes('\0')) {
    throw new AppError('store.invalid-url', `the name ${JSON.stringify(name)} is none that Swift can hold`);
  }
  const sizeBytes = Buffer.byteLength(name);
  if (sizeBytes > maxNameBytes) {
    const start = name.slice(0, 100);
    throw new AppError(
      'store.invalid-url',
      `the name has ${sizeBytes} bytes, Swift allows ${maxNameBytes}: ${start}...`,
    );
  }
};

/** Percent-encodes all but slashes: Swift decodes the whole path once. */
const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** `/container/name`, or `/container` alone, encoded, to be put after the path of a storage URL. */
export const pathOf = (container: string, name?: string): string =>
  name === undefined ? `/${encodeURIComponent(container)}` : `/${encodeURIComponent(container)}/${encodePath(name)}`;
