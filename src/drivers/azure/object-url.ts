import { AppError } from '../../core/errors.ts';
import type { DocumentKey } from '../contract.ts';

/** A blob's place: container and name, both exactly as the content URL has them. */
export interface ObjectPlace {
  readonly container: string;
  readonly name: string;
}

/** What Azure allows a name to have, in UTF-16 code units. */
const MAX_NAME_LENGTH = 1024;

/** `azure://<container>/<name>`, a form of our own: the name is all that follows the container's slash, never decoded. */
export const findPlace = (url: string): ObjectPlace | undefined => {
  const match = /^azure:\/\/([^/]+)\/(.+)$/is.exec(url);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { container: match[1], name: match[2] };
};

/** Throws `store.invalid-url` where the URL is none of this driver's. */
export const parsePlace = (url: string): ObjectPlace => {
  const place = findPlace(url);
  if (place === undefined)
    throw new AppError('store.invalid-url', `expected azure://<container>/<name>; got ${JSON.stringify(url)}`);
  checkName(place.name);
  return place;
};

export const urlOf = (place: ObjectPlace): string => `azure://${place.container}/${place.name}`;

/** The name of a document: `<prefix><userId>/<bucket>/<archiveId>`; the prefix is put before it as it is. */
export const nameOf = (prefix: string, document: DocumentKey): string => {
  const name = `${prefix}${document.userId}/${document.bucket}/${document.archiveId}`;
  checkName(name);
  return name;
};

/**
 * Names that Azure would change in silence (a backslash becomes a slash, dots and slashes at an end vanish, a step up is
 * taken) or refuse. Source: "Naming and referencing containers, blobs, and metadata" of its REST API.
 */
const faultOf = (name: string): string | undefined => {
  if (!name.isWellFormed() || /[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(name)) return 'holds characters that';
  if (name.includes('\\')) return 'holds a backslash, which';
  if (name.endsWith('/')) return 'ends with a slash, which';
  if (name.split('/').some((segment) => segment.endsWith('.'))) return 'holds a part that ends with a dot, which';
  return undefined;
};

const checkName = (name: string): void => {
  const fault = faultOf(name);
  if (fault !== undefined)
    throw new AppError('store.invalid-url', `the name ${JSON.stringify(name)} ${fault} Azure does not keep`);
  if (name.length > MAX_NAME_LENGTH) {
    const start = name.slice(0, 100);
    throw new AppError(
      'store.invalid-url',
      `the name has ${name.length} characters, Azure allows ${MAX_NAME_LENGTH}: ${start}...`,
    );
  }
};
