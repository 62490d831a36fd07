import { writeFile } from 'node:fs/promises';
import { createTarGzip } from 'nanotar';
import { AppError, messageOf } from '../../core/errors.ts';
import { readableBytes } from '../../core/readable-bytes.ts';
import type { Command } from '../context.ts';
import { connectForId, getRecord, parseId } from '../journalled.ts';
import { pasteFor } from '../pasted-command.ts';
import { getReport } from '../report/migration-report.ts';
import { collectBundle } from '../support/collect-bundle.ts';

/** `support-bundle ID [--output FILE]`: what a question about a migration needs, in one archive. Changes nothing else. */
export const supportBundle: Command = async (context, input) => {
  const { output } = context;
  const id = parseId(input);
  const folder = `anchore-migration-${id}`;
  const file = input.value('output') ?? `${folder}.tar.gz`;
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const report = await getReport(db, id, {
    toolVersion: context.toolVersion,
    now: new Date(),
    paste: pasteFor(context, db),
  });
  const files = await collectBundle(context, input, db, record, report);
  const archive = await createTarGzip(
    files.map(({ name, text }) => ({ name: `${folder}/${name}`, data: text })),
    { attrs: { mode: '0600', uid: 0, gid: 0 } },
  );
  try {
    // What it tells is not everybody's business, though it holds no secret.
    await writeFile(file, archive, { mode: 0o600 });
  } catch (cause) {
    throw new AppError('usage.invalid', `the bundle ${file} cannot be written: ${messageOf(cause)}`, {
      cause,
      remedy: 'Name a file in a folder that can be written to with --output.',
    });
  }
  output.text(
    [
      `${file} (${readableBytes(archive.length)}) holds:`,
      ...files.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`),
      'Look at it before you send it: passwords and keys are left out, names of documents, users, buckets and hosts are not.',
    ].join('\n'),
  );
  output.object({ id, bundle: file, bytes: archive.length, files: files.map(({ name, about }) => ({ name, about })) });
  return 0;
};
