import type { Command } from '../context.ts';
import { documentPath } from '../documents/path.ts';
import { runMany } from '../documents/run-many.ts';

export interface DeleteOptions {
  readonly bucket: string;
  readonly ids: readonly string[];
  readonly concurrency: number;
}

/** Deletes documents; one that is not there is told, and makes the exit code 1. */
export const documentDelete =
  ({ bucket, ids, concurrency }: DeleteOptions): Command =>
  async (context) =>
    runMany(context, {
      items: ids.map((archiveId) => ({ bucket, archiveId })),
      concurrency,
      verb: 'Deleted',
      work: async (item) => void (await context.service.send('DELETE', documentPath(item, true))),
    });
