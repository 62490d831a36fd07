import type { Command } from '../context.ts';
import { connectForId, getRecord, parseId } from '../journalled.ts';
import { pasteFor } from '../pasted-command.ts';
import { getReport } from '../report/migration-report.ts';
import { renderText } from '../report/render-text.ts';
import { wrapBlock } from '../wrap-text.ts';
import { checkReportFile, writeReport } from '../report/write-report.ts';

/** `report ID [--output FILE]`: the summary of a migration, or its report as a file. Changes nothing. */
export const report: Command = async (context, input) => {
  const { output } = context;
  const id = parseId(input);
  const file = input.value('output');
  if (file !== undefined) checkReportFile(file);
  await using db = await connectForId(context, input);
  await getRecord(db, id);
  const made = await getReport(db, id, {
    toolVersion: context.toolVersion,
    now: new Date(),
    paste: pasteFor(context, db),
  });
  if (file === undefined) {
    output.text(wrapBlock(renderText(made).trim(), output.columns));
    output.object(made);
    return 0;
  }
  await writeReport(file, made);
  output.text(`The report of migration ${id} is in ${file}.`);
  output.object({ id, report: file });
  return 0;
};
