import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError, isAppError, messageOf } from '../../core/errors.ts';
import type { ClientContext, Command, ExitCode } from '../context.ts';
import { countBytes } from '../documents/count-bytes.ts';
import { fileNameOf } from '../documents/file-name.ts';
import { unwrapValue } from '../documents/json-envelope.ts';
import { listPages } from '../documents/list-documents.ts';
import { documentPath } from '../documents/path.ts';
import { type DocumentName, runMany } from '../documents/run-many.ts';
import { writeWholeFile } from '../documents/write-file.ts';
import { retryReading } from '../http/retry.ts';
import type { Service } from '../http/service.ts';

export interface GetOptions {
  readonly bucket: string;
  readonly ids: readonly string[];
  /** All of the bucket. */
  readonly all: boolean;
  /** The bytes as they are; else the value inside of a JSON document. */
  readonly raw: boolean;
  /** The file for the only document. */
  readonly outputFile: string | undefined;
  /** For many: each becomes a file in it. */
  readonly folder: string | undefined;
  readonly concurrency: number;
}

const open = async (service: Service, name: DocumentName, raw: boolean): Promise<AsyncIterable<Uint8Array>> => {
  try {
    const { chunks } = await service.download(documentPath(name, raw));
    return raw ? chunks : unwrapValue(chunks);
  } catch (error) {
    if (raw || !isAppError(error, 'request.conflict')) throw error;
    throw new AppError('request.conflict', 'the document is not a JSON document', {
      cause: error.cause,
      remedy: 'Get its bytes with --raw.',
    });
  }
};

/** What has gone out cannot be taken back: only until the first byte is there another try. */
const writeToOutput = async (context: ClientContext, name: DocumentName, raw: boolean): Promise<ExitCode> => {
  const { service, stdout, signal } = context;
  const chunks = await retryReading(() => open(service, name, raw), signal);
  try {
    await pipeline(chunks, stdout, { signal, end: false });
  } catch (error) {
    // A reader that has seen enough.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0;
    throw error;
  }
  if (stdout.isTTY === true && !raw) stdout.write('\n');
  return 0;
};

const writeFiles = (
  context: ClientContext,
  options: GetOptions,
  items: readonly (DocumentName & { readonly file: string })[],
): Promise<ExitCode> => {
  const { service, signal } = context;
  return runMany(context, {
    items,
    concurrency: options.concurrency,
    verb: 'Wrote',
    work: (item, moved) =>
      retryReading(
        async () => writeWholeFile(item.file, countBytes(await open(service, item, options.raw), moved), signal),
        signal,
      ),
  });
};

const findIds = async (service: Service, { bucket, ids, all }: GetOptions): Promise<readonly string[]> => {
  if (!all) return ids;
  const found: string[] = [];
  for await (const page of listPages(service, bucket)) found.push(...page.map(({ archiveid }) => archiveid));
  return found;
};

const check = ({ ids, all, outputFile, folder }: GetOptions): void => {
  const wrong = (sentence: string): AppError => new AppError('usage.invalid', sentence);
  if (all === ids.length > 0) throw wrong('name documents by their IDs, or all of the bucket with --all');
  if (outputFile !== undefined && folder !== undefined) throw wrong('--output and --folder exclude each other');
  if (folder === undefined && (all || ids.length > 1)) throw wrong('several documents need a --folder');
};

/** Reads documents: one to standard output or a file, many to the files of a folder. */
export const documentGet =
  (options: GetOptions): Command =>
  async (context) => {
    check(options);
    const { bucket, raw, folder, outputFile } = options;
    const ids = await findIds(context.service, options);
    if (folder === undefined) {
      const [archiveId = ''] = ids;
      if (outputFile === undefined || outputFile === '-') return writeToOutput(context, { bucket, archiveId }, raw);
      return writeFiles(context, options, [{ bucket, archiveId, file: outputFile }]);
    }
    await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
      throw new AppError('usage.invalid', `${folder}: ${messageOf(cause)}`, { cause });
    });
    const items = ids.map((archiveId) => ({ bucket, archiveId, file: join(folder, fileNameOf(archiveId)) }));
    return writeFiles(context, options, items);
  };
