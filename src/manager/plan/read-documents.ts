import type { ErrorCode } from '../../core/error-catalogue.ts';
import { ERROR_CATALOGUE } from '../../core/error-catalogue.ts';
import type { Database } from '../../database/database.ts';
import type { Side } from '../../migration/requests.ts';
import type { RehearsedFailure } from '../../migration/rehearsal-store.ts';
import { type VerifyFinding, verifyArchive } from '../../migration/verify.ts';
import type { Problem } from './plan.ts';

export interface ReadDocuments {
  readonly documents: number;
  readonly all: boolean;
  readonly failures: readonly RehearsedFailure[];
}

const CODES: Readonly<Record<VerifyFinding['kind'], ErrorCode | undefined>> = {
  missing: 'document.missing',
  wrong: 'document.corrupt',
  unreadable: 'verify.wrong',
  // They do not move, and are told as such.
  elsewhere: undefined,
  orphan: undefined,
};

/** Reads documents of the source, all or about so many, and gives those that cannot be copied. */
export const readDocuments = async (
  db: Database,
  { store, archive }: Side,
  options: { readonly sample: number | 'all'; readonly buckets: readonly string[]; readonly signal: AbortSignal },
): Promise<ReadDocuments> => {
  const { sample, buckets, signal } = options;
  const failures: RehearsedFailure[] = [];
  const { read } = await verifyArchive(db, {
    store,
    archive,
    // A number, so that objects which no row names are not looked for.
    sample: sample === 'all' ? Number.MAX_SAFE_INTEGER : sample,
    report: ({ kind, subject, text }) => {
      const code = CODES[kind];
      const concerned = buckets.length === 0 || buckets.some((bucket) => subject.includes(`/${bucket}/`));
      if (code !== undefined && concerned) failures.push({ document: subject, code, text });
    },
    signal,
  });
  // What is damaged was read; what is missing or denied could not be.
  const unread = failures.filter(({ code }) => code !== 'document.corrupt').length;
  return { documents: read + unread, all: sample === 'all', failures };
};

const NAMED = 5;

/** One problem for each reason, which names the first documents. */
export const unreadableProblems = (
  { documents, all, failures }: ReadDocuments,
  skipFailed: boolean,
): readonly Problem[] =>
  [...Map.groupBy(failures, ({ code }) => code)].map(([code, group]) => {
    const known = isErrorCode(code) ? code : 'verify.wrong';
    const named = group
      .slice(0, NAMED)
      .map(({ document, text }) => (text.includes(document) ? text : `${document}: ${text}`));
    const more = group.length > NAMED ? `; and ${group.length - NAMED} more` : '';
    return {
      severity: skipFailed ? 'warn' : 'refuse',
      code: known,
      message: `${group.length} of ${documents} documents ${all ? '' : 'read as a sample '}cannot be moved: ${named.join('; ')}${more}`,
      remedy: skipFailed
        ? 'They will stay at the source and be listed, as --skip-failed says.'
        : ERROR_CATALOGUE[known].remedy,
    };
  });

const isErrorCode = (code: string): code is ErrorCode => code in ERROR_CATALOGUE;
