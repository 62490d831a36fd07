import { type AppError, isAppError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { readableBytes } from '../../core/readable-bytes.ts';
import type { ClientContext, ExitCode } from '../context.ts';
import { reportError } from '../error-report.ts';
import { ProgressLine } from './progress-line.ts';

/** A document by its name inside of the account. */
export interface DocumentName {
  readonly bucket: string;
  readonly archiveId: string;
}

export interface Many<T extends DocumentName> {
  readonly items: readonly T[];
  readonly concurrency: number;
  /** Of what is said at the end, such as `Stored`. */
  readonly verb: string;
  /** `moved` counts bytes. Throws AppError where it fails. */
  readonly work: (item: T, moved: (bytes: number) => void) => Promise<void>;
}

/** What fails for one document because of the service, the user or the person fails for all. */
const endsAll = (error: AppError): boolean =>
  isAppError(
    error,
    'interrupted',
    'request.unauthorized',
    'service.unreachable',
    'service.timeout',
    'service.tls',
    'internal',
  );

/**
 * Does the same with many documents, some at once. One that fails is told and does not hold up the others; the exit code is
 * that of the worst. What would fail for all ends it.
 */
export const runMany = async <T extends DocumentName>(
  { output, stderr, say }: ClientContext,
  { items, concurrency, verb, work }: Many<T>,
): Promise<ExitCode> => {
  const failures: Json[] = [];
  let exit: ExitCode = 0;
  let fatal: unknown;
  const progress = new ProgressLine(stderr, items.length);
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (fatal !== undefined) return;
      try {
        await work(item, (bytes) => progress.moved(bytes));
        progress.done();
      } catch (error) {
        if (!isAppError(error) || endsAll(error)) {
          fatal ??= error;
          return;
        }
        const report = reportError(error, false);
        if (exit !== 2) exit = report.exit;
        progress.failed();
        progress.clear();
        say(`${item.bucket}/${item.archiveId}: ${report.text.trimEnd()}`);
        failures.push({ bucket: item.bucket, archiveid: item.archiveId, error: report.json });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  } finally {
    progress[Symbol.dispose]();
  }
  const { documents, failed, bytes } = progress.totals;
  if (fatal !== undefined) {
    if (items.length > 1) say(`${verb} ${documents} of ${items.length} documents before this:`);
    throw fatal;
  }
  const size = bytes === 0 ? '' : `, ${readableBytes(bytes)}`;
  output.text(
    `${verb} ${documents} ${documents === 1 ? 'document' : 'documents'}${size}${failed === 0 ? '' : `; ${failed} failed`}`,
  );
  output.object({ documents, bytes, failed: failures });
  return exit;
};
