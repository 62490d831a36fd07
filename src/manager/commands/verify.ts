import { describeArchive } from '../../migration/current-store.ts';
import { countOf } from '../../migration/describe.ts';
import { findOtherCurrentStore, type VerifyFinding, verifyArchive } from '../../migration/verify.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command } from '../context.ts';
import { loadConfig } from '../load-configs.ts';
import { openSide } from '../open-side.ts';
import { PLACES } from '../places.ts';

/** `verify CONFIG`: reads every document through the configuration; the findings are the result, one a line. Exit 5 where one is wrong. */
export const verify: Command = async (context, input) => {
  const { output } = context;
  const { file, archive } = await loadConfig(context, input.argument(0), {
    analysisArchive: input.flag('analysisArchive'),
  });
  await using db = await connectDatabase(context, { config: file, tables: 'leave' });
  await using opened = await openSide(context, db, archive, { prepare: false });
  const { store, archive: scope } = opened.side;
  context.log.at(PLACES.archive).info(`Verifying every document through ${store.identity.description}`);
  const other = await findOtherCurrentStore(db, store, scope);
  if (other !== undefined) {
    const where = `${describeArchive(other.archive)} is in ${other.description}, since migration ${other.migrationId}`;
    context.log.at(PLACES.archive).warn(`${where}: this configuration may not be the one in use`);
  }
  const report = (finding: VerifyFinding): void => {
    output.text(`${finding.kind}${finding.known ? ' (known)' : ''}: ${finding.subject}: ${finding.text}`);
    output.object({ finding });
  };
  const sample = input.value('sample');
  const result = await verifyArchive(db, {
    store,
    archive: scope,
    sample: sample === undefined ? undefined : Number(sample),
    report,
    signal: context.signal,
  });
  const isGood = result.wrong === 0;
  output.text(
    `${isGood ? 'Verified' : 'NOT in order'}: ${result.documents} documents, ${result.read} read (${result.bytes} bytes), ` +
      `${result.wrong} wrong, ${result.known} known exceptions, ${result.orphans} objects that no row names`,
  );
  for (const { objects, text } of result.keptFor) output.text(`Kept: ${countOf(objects, 'object')}: ${text}`);
  output.object({ ...result, good: isGood });
  return isGood ? 0 : 5;
};
