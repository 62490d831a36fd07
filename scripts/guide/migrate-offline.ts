import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSources } from './documents.ts';
import { DEFAULT_POLICY_ID, expectPlace, expectSame, look, type View } from './expectations.ts';
import { destinationText } from './place.ts';
import { firstLines, withoutConnecting, withOneDeletion } from './shorten.ts';
import { MANAGER, type Stage, START } from './stage.ts';

/** The guide's eight steps, from the database to S3; the service runs when they are done. */
export const playThere = async (stage: Stage): Promise<View> => {
  const { place, transcript } = stage;
  const { folder } = place.shell;
  await writeSources(folder);

  transcript.prose('An archive in the database, with two policies and the documents of two images:');
  const waited = await stage.startEngine();
  transcript.block(
    { line: `${START} &` },
    { line: 'anchore-cli system wait', output: waited.trimEnd().split('\n').at(-1) ?? '' },
    await stage.run('anchore-cli policy add policy.json'),
    await stage.run('anchore-cli document put manifest_data documents/manifest_data'),
    await stage.run('anchore-cli document put analysis_data documents/analysis_data'),
    await stage.run('anchore-cli document put image_content_data documents/image_content_data --raw'),
    await stage.run('anchore-cli policy list'),
  );
  const before = await look(place);
  await expectPlace(place, 'database', before.documents.size);

  transcript.prose(
    `**Step 1.** Stop all anchore-engine services; the database stays up. (Before that, days ahead if you like:
\`anchore-manager archivestorage precopy config.yaml dest-config.yaml\` copies what is there, as often as you want.)`,
  );
  await stage.stopEngine();

  transcript.prose(
    '**Step 2.** Copy `config.yaml`, and edit the `services.catalog.archive` (or `object_store`) section of the copy:',
  );
  transcript.block(await stage.run('cp config/config.yaml config/dest-config.yaml'));
  await writeFile(join(folder, 'config/dest-config.yaml'), destinationText(place));

  transcript.prose('**Step 3.** Test it:');
  transcript.block(await stage.run(`${MANAGER} check config/dest-config.yaml`));
  // Step 3a: the same for the current one.
  await stage.run(`${MANAGER} check config/config.yaml`);

  transcript.prose('**Step 4.** Run the migration (the lines about the connection are as above):');
  const migrated = await stage.runAnswering(`${MANAGER} migrate config/config.yaml config/dest-config.yaml`);
  transcript.block({ ...migrated, output: withOneDeletion(withoutConnecting(migrated.output)) });
  await expectPlace(place, 's3', before.documents.size);

  transcript.prose(
    `\`--nodelete\` keeps the source: \`rollback 1\` then undoes the migration without copying, and \`clean 1\` deletes the source
later (with the services stopped once more).

**Step 5.** Get coffee. If it breaks (power, network, kill), type the same command again.

**Step 6.** View the results:`,
  );
  const listed = await stage.run(`${MANAGER} list-migrations`);
  transcript.block({ ...listed, output: withoutConnecting(listed.output) });
  transcript.prose(
    `Before the services start, \`anchore-manager archivestorage --db-connect \${db} verify config/dest-config.yaml\` reads every
document.

**Step 7.** Replace the configuration, for every component:`,
  );
  await stage.run(`${MANAGER} verify config/dest-config.yaml`);
  transcript.block(
    await stage.run('cp config/config.yaml config/config.old.yaml'),
    await stage.run('cp config/dest-config.yaml config/config.yaml'),
  );

  transcript.prose('**Step 8.** Start the services. All is as it was:');
  await stage.startEngine();
  const bundle = await stage.run(`anchore-cli policy get ${DEFAULT_POLICY_ID} --detail`);
  transcript.block({ line: `${START} &` }, await stage.run('anchore-cli policy list'), {
    ...bundle,
    output: firstLines(bundle.output, 4, '... (lots of JSON)'),
  });
  const after = await look(place);
  expectSame(before, after, 'after the migration');
  return after;
};

/** The way back: the same steps with the two files in each other's place. */
export const playBack = async (stage: Stage, before: View): Promise<void> => {
  const { place, transcript } = stage;
  await stage.stopEngine();
  const { line } = await stage.runAnswering(`${MANAGER} migrate config/dest-config.yaml config/config.old.yaml`);
  await expectPlace(place, 'database', before.documents.size);
  const copied = await stage.run('cp config/config.old.yaml config/config.yaml');
  const listed = await stage.run(`${MANAGER} list-migrations`);
  transcript.prose(
    "**The way back** is the same with the two files in each other's place, the services stopped again:",
  );
  transcript.block({ line, output: '...' }, copied, { ...listed, output: withoutConnecting(listed.output) });
  await stage.startEngine();
  expectSame(before, await look(place), 'after the way back');
};
