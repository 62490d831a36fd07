import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { DocumentKey } from '../contract.ts';

export const SCHEME = 'file://';

/** How many levels of folders and files lie below a root: user, bucket, two hex digits, the file. */
const DEPTH = 4;

const md5Of = (text: string): string => createHash('md5').update(text).digest('hex');

export const USER_FOLDER = /^[0-9a-f]{32}$/;
export const HASH_FOLDER = /^[0-9a-f]{2}$/;
export const DOCUMENT_FILE = /^[0-9a-f]{32}\.json$/;

/** The path of a document below its root. Throws `store.unsafe-path` where the bucket's name would lead elsewhere. */
export const planRelativePath = ({ userId, bucket, archiveId }: DocumentKey): string => {
  if (bucket === '' || bucket === '.' || bucket === '..' || /[/\0]/.test(bucket)) {
    throw new AppError(
      'store.unsafe-path',
      `bucket ${JSON.stringify(bucket)}: expected a name that can be that of one folder`,
    );
  }
  const name = md5Of(archiveId);
  return `${md5Of(userId)}/${bucket}/${name.slice(0, 2)}/${name}.json`;
};

/** As Python's `os.path.join` does it, since the result is part of every URL. */
export const joinRoot = (root: string, relative: string): string =>
  root.endsWith('/') ? root + relative : `${root}/${relative}`;

/** A place in the file system, as a URL names it. */
export interface FilePlace {
  /** The folder above the layout: links in its own path are the operator's business. */
  readonly base: string;
  /** The rest, in which no link is followed. */
  readonly relative: string;
}

export const pathOf = ({ base, relative }: FilePlace): string => joinRoot(base, relative);

/**
 * The place that a URL names, wherever that is: an archive whose folder was moved keeps rows that name the old one.
 * Throws `store.invalid-url`, and `store.unsafe-path` for one that climbs.
 */
export const parsePlace = (url: string, root: string): FilePlace => {
  const path = url.startsWith(SCHEME) ? url.slice(SCHEME.length) : '';
  if (path === '' || path.includes('\0'))
    throw new AppError('store.invalid-url', `${JSON.stringify(url)}: expected ${SCHEME}<path>`);
  const place = splitPath(path, root);
  if (place.relative.split('/').some((name) => name === '' || name === '.' || name === '..')) {
    throw new AppError('store.unsafe-path', `${url}: expected a path without empty parts, "." and ".."`);
  }
  return place;
};

const splitPath = (path: string, root: string): FilePlace => {
  const prefix = joinRoot(root, '');
  if (path.startsWith(prefix)) return { base: root, relative: path.slice(prefix.length) };
  const parts = path.split('/');
  const relative = parts.slice(-DEPTH).join('/');
  const base = parts.slice(0, -DEPTH).join('/');
  if (parts.slice(0, -DEPTH).includes('..')) return { base, relative: `../${relative}` };
  return { base: base === '' ? '/' : base, relative };
};

/** Whether this is where a document with this key lies below some root, so that it may be deleted there. */
export const isPlaceOf = (place: FilePlace, key: DocumentKey): boolean => place.relative === planRelativePath(key);

/** The same for equal places, however they are written. */
export const normalPath = (place: FilePlace): string => posix.normalize(posix.resolve(pathOf(place)));

/** Whether this is the form of a document's path below a root. */
export const isDocumentPath = (relative: string): boolean => {
  const [user = '', , hash = '', file = '', ...rest] = relative.split('/');
  return (
    USER_FOLDER.test(user) &&
    HASH_FOLDER.test(hash) &&
    DOCUMENT_FILE.test(file) &&
    file.startsWith(hash) &&
    rest.length === 0
  );
};
