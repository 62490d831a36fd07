import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Command } from '../context.ts';
import { countBytes } from '../documents/count-bytes.ts';
import { archiveIdOf } from '../documents/file-name.ts';
import { wrapValue } from '../documents/json-envelope.ts';
import { documentPath } from '../documents/path.ts';
import { readInput, STANDARD_INPUT } from '../documents/read-input.ts';
import { type DocumentName, runMany } from '../documents/run-many.ts';
import { type Body, jsonBody, type Service } from '../http/service.ts';

export interface PutOptions {
  readonly bucket: string;
  /** Files, folders of files, or `-` for standard input. */
  readonly inputs: readonly string[];
  /** The archive id of the only input; else each file's name says it. */
  readonly id: string | undefined;
  /** Any bytes, as they are; else the file holds JSON. */
  readonly raw: boolean;
  readonly concurrency: number;
}

interface Item extends DocumentName {
  readonly file: string;
}

const unreadable = (file: string, cause: unknown): AppError =>
  new AppError('usage.invalid', `${file}: ${messageOf(cause)}`, { cause, remedy: 'Name files that can be read.' });

const filesOf = async (input: string): Promise<readonly string[]> => {
  try {
    if (!(await stat(input)).isDirectory()) return [input];
    const entries = await readdir(input, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(input, entry.name));
  } catch (cause) {
    throw unreadable(input, cause);
  }
};

const planItems = async ({ bucket, inputs, id }: PutOptions): Promise<readonly Item[]> => {
  if (id !== undefined) {
    const [file, ...others] = inputs;
    if (file === undefined || others.length > 0)
      throw new AppError('usage.invalid', '--id names one document: give one file');
    return [{ bucket, archiveId: id, file }];
  }
  if (inputs.includes(STANDARD_INPUT))
    throw new AppError('usage.invalid', 'standard input has no name', { remedy: 'Name the document with --id ID.' });
  const files = (await Promise.all(inputs.map(filesOf))).flat();
  const items = files.map((file) => ({ bucket, archiveId: archiveIdOf(basename(file)), file }));
  const seen = new Map<string, string>();
  for (const { archiveId, file } of items) {
    const other = seen.get(archiveId);
    if (other !== undefined)
      throw new AppError('usage.invalid', `${other} and ${file} are both to become ${JSON.stringify(archiveId)}`);
    seen.set(archiveId, file);
  }
  return items;
};

/** Bytes go out as they are read, however many there are. The file is open before: what is wrong with it is no fault of the connection. */
const rawBody = async (file: string, stdin: Readable, moved: (bytes: number) => void): Promise<Body> => {
  const contentType = 'application/octet-stream';
  const stream = (source: Readable): Readable => Readable.from(countBytes(source, moved), { objectMode: false });
  if (file === STANDARD_INPUT) return { contentType, sizeBytes: undefined, open: () => stream(stdin) };
  try {
    const handle = await open(file);
    const info = await handle.stat();
    if (info.isDirectory()) throw new Error('it is a folder');
    return {
      contentType,
      sizeBytes: info.isFile() ? info.size : undefined,
      open: () => stream(handle.createReadStream()),
    };
  } catch (cause) {
    throw unreadable(file, cause);
  }
};

/** JSON is looked at before it is sent: the service takes up to 64 MiB of it. */
const documentBody = async (file: string, stdin: Readable, moved: (bytes: number) => void): Promise<Body> => {
  const value = await readInput(file, stdin);
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value));
  } catch (cause) {
    throw new AppError('usage.invalid', `${file}: not JSON: ${messageOf(cause)}`, {
      cause,
      remedy: 'Store bytes that are not JSON with --raw.',
    });
  }
  moved(value.length);
  return { ...jsonBody(''), sizeBytes: undefined, open: () => wrapValue(value) };
};

const putOne = async (
  service: Service,
  item: Item,
  options: { readonly raw: boolean; readonly stdin: Readable; readonly moved: (bytes: number) => void },
): Promise<void> => {
  const { raw, stdin, moved } = options;
  const body = await (raw ? rawBody : documentBody)(item.file, stdin, moved);
  await service.send('POST', documentPath(item, raw), body);
};

/** Stores documents, or replaces them. */
export const documentPut =
  (options: PutOptions): Command =>
  async (context) => {
    const items = await planItems(options);
    if (items.length === 0) throw new AppError('usage.invalid', 'there is no file in what was named');
    const { service, stdin } = context;
    return runMany(context, {
      items,
      concurrency: options.concurrency,
      verb: 'Stored',
      work: (item, moved) => putOne(service, item, { raw: options.raw, stdin, moved }),
    });
  };
