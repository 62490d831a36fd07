import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SMALL } from '../documents/bodies.ts';
import { MANAGER, measureMigration } from '../manager.ts';
import { type CpuProfile, type ProfileSummary, summariseProfile } from '../profile/summarise.ts';
import { documentsOf, type Row } from '../row.ts';
import { DB, s3PlaceOf, s3Store } from '../stores.ts';

/** The child of a launcher and of Node's own `--version` write profiles too: the largest is the migration's. */
const readProfile = async (folder: string): Promise<ProfileSummary> => {
  const files = await Array.fromAsync(glob('*.cpuprofile', { cwd: folder }));
  const summaries = await Promise.all(
    files.map(async (file) => summariseProfile(JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile)),
  );
  const [largest] = summaries.toSorted((a, b) => b.busySeconds - a.busySeconds);
  if (largest === undefined) throw new Error('no profile was written');
  return largest;
};

export const profile: Row = {
  name: 'profile',
  title: 'Where the CPU goes, db -> s3',
  servers: ['versitygw'],
  measure: async (bench) => {
    const documents = documentsOf(bench, 10_000, 1_000);
    const { place, signal } = bench;
    await using database = await place.createDatabase({ documents, sizes: SMALL, seed: 13 });
    const folder = await place.makeFolder('profile');
    const sample = await measureMigration(place, {
      database,
      from: DB,
      to: s3Store(s3PlaceOf(await place.getServer('versitygw'))),
      documents,
      command: MANAGER,
      environment: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` },
      signal,
    });
    const summary = await readProfile(folder);
    for (const { category, seconds } of summary.categories) bench.say(`  ${seconds.toFixed(2)} s ${category}`);
    for (const { name, place: at, seconds } of summary.functions)
      bench.say(`    ${seconds.toFixed(3)} s ${name} ${at}`);
    return {
      conditions: { documents },
      contenders: [{ name: 'anchore-manager, profiled', samples: [sample] }],
      claims: [],
      profile: summary,
    };
  },
};
