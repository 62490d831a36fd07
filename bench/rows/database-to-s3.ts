import { join } from 'node:path';
import { getCompiledManager } from '../compiled-manager.ts';
import { BUILT, CONCURRENCIES, LOOP, ORIGINAL, OURS, RCLONE } from '../contenders.ts';
import { SMALL } from '../documents/bodies.ts';
import { type ExportedDocuments, exportDocuments, linkPart } from '../documents/export-documents.ts';
import { type Command, MANAGER, measureMigration } from '../manager.ts';
import type { StoreServer } from '../place.ts';
import type { Claim, Contender, Sample } from '../result.ts';
import { findBest } from '../rivals/find-best.ts';
import { isRcloneAvailable, RCLONE_VERSION, runRclone } from '../rivals/rclone.ts';
import { runObjectLoop, runOriginalOrder } from '../rivals/run-script.ts';
import { alternate, type Bench, type Competing, documentsOf, figuresOf, ratesOf, type Row } from '../row.ts';
import { median, ratiosOf } from '../statistics.ts';
import { DB, s3PlaceOf, s3Store } from '../stores.ts';

const SLOW_PER_SECOND = 1_000;
const FAST_PER_SECOND = 2_000;

/** A slow store leaves the processor to us, a fast one competes for it. In between, the line between the two targets. */
const shareOfCeiling = (ceilingPerSecond: number): number => {
  const share = (ceilingPerSecond - SLOW_PER_SECOND) / (FAST_PER_SECOND - SLOW_PER_SECOND);
  return 0.85 - 0.35 * Math.min(1, Math.max(0, share));
};

/** The original's order takes so long that it gets a part of the documents: its speed does not depend on their number. */
const ORIGINAL_PART = 10;
const SWEEP_PART = 8;

/** Everything that competes on one server, each run with a bucket of its own. */
class S3Contest {
  readonly #bench: Bench;
  readonly #server: StoreServer;
  readonly #documents: number;
  readonly #exported: ExportedDocuments;

  constructor(bench: Bench, server: StoreServer, exported: ExportedDocuments) {
    this.#bench = bench;
    this.#server = server;
    this.#exported = exported;
    this.#documents = exported.keys.length;
  }

  async #place() {
    return s3PlaceOf(await this.#bench.place.getServer(this.#server));
  }

  async migrate(command: Command): Promise<Sample> {
    const { place, signal } = this.#bench;
    await using database = await place.createDatabase(shapeOf(this.#documents));
    const to = s3Store(await this.#place());
    const documents = this.#documents;
    return await measureMigration(place, { database, from: DB, to, documents, command, signal });
  }

  async loop(concurrency: number, part = this.#exported): Promise<Sample> {
    return runObjectLoop(this.#bench, {
      target: { kind: 's3', place: await this.#place() },
      action: { kind: 'put' },
      payloadFiles: part.keys.map((key) => join(part.folder, key)),
      keys: part.keys,
      concurrency,
    });
  }

  async rclone(transfers: number, part = this.#exported): Promise<Sample> {
    return runRclone({
      from: part.folder,
      to: { kind: 's3', place: await this.#place() },
      documents: part.keys.length,
      bytes: part.bytes,
      transfers,
      signal: this.#bench.signal,
      settle: this.#bench.settle,
    });
  }

  async original(): Promise<Sample> {
    await using database = await this.#bench.place.createDatabase(shapeOf(this.#documents));
    return await runOriginalOrder(this.#bench, {
      databaseUrl: database.url,
      target: { kind: 's3', place: await this.#place() },
      documents: Math.ceil(this.#documents / ORIGINAL_PART),
    });
  }
}

const shapeOf = (documents: number) => ({ documents, sizes: SMALL, seed: 1 });

const claimsOf = (server: StoreServer, contenders: readonly Contender[]): readonly Claim[] => {
  const rates = (name: string): readonly number[] => ratesOf(contenders, name);
  const cpu = (name: string): readonly number[] => figuresOf(contenders, name, (sample) => sample.cpuSeconds);
  return [
    {
      what: `db -> s3 (${server}) against bare signed PUTs`,
      target: { bound: 'at least', value: shareOfCeiling(median(rates(LOOP))) },
      unit: 'x',
      values: ratiosOf(rates(OURS), rates(LOOP)),
    },
    {
      what: `db -> s3 (${server}) against rclone copy`,
      target: { bound: 'at least', value: 1.2 },
      unit: 'x',
      values: ratiosOf(rates(OURS), rates(RCLONE)),
    },
    {
      what: `db -> s3 (${server}) against the original's order of work`,
      target: { bound: 'at least', value: 5 },
      unit: 'x',
      values: ratiosOf(rates(OURS), rates(ORIGINAL)),
    },
    {
      what: `CPU of db -> s3 (${server}) against that of bare signed PUTs`,
      target: { bound: 'at most', value: 1.5 },
      unit: 'x',
      values: ratiosOf(cpu(OURS), cpu(LOOP)),
    },
    {
      what: `db -> s3 (${server}) against bare signed PUTs, compiled`,
      unit: 'x',
      values: ratiosOf(rates(BUILT), rates(LOOP)),
    },
    {
      what: `CPU of db -> s3 (${server}), compiled, against that of bare signed PUTs`,
      unit: 'x',
      values: ratiosOf(cpu(BUILT), cpu(LOOP)),
    },
  ];
};

const measure = async (bench: Bench, server: StoreServer): Promise<Awaited<ReturnType<Row['measure']>>> => {
  const documents = documentsOf(bench, 3_000, 600);
  const { place } = bench;
  const exported = await (async () => {
    await using database = await place.createDatabase(shapeOf(documents));
    return await exportDocuments(database.url, await place.makeFolder('documents'));
  })();
  const part = await linkPart(exported, Math.ceil(documents / SWEEP_PART), await place.makeFolder('part'));
  const contest = new S3Contest(bench, server, exported);
  // Where the store is slow, the two hardly differ.
  const compiled = server === 'swift' ? undefined : await getCompiledManager();
  const withRclone = await isRcloneAvailable();
  const concurrency = await findBest(CONCURRENCIES, (setting) => contest.loop(setting, part));
  const transfers = withRclone ? await findBest(CONCURRENCIES, (setting) => contest.rclone(setting, part)) : 0;
  const competing: Competing[] = [
    { name: OURS, measure: () => contest.migrate(MANAGER) },
    { name: LOOP, measure: () => contest.loop(concurrency) },
    ...(withRclone ? [{ name: RCLONE, measure: () => contest.rclone(transfers) }] : []),
    { name: ORIGINAL, measure: () => contest.original() },
    ...(compiled ? [{ name: BUILT, measure: () => contest.migrate(compiled) }] : []),
  ];
  const contenders = await alternate(bench, competing);
  return {
    conditions: {
      documents,
      megabytes: Math.round(exported.bytes / 1e6),
      concurrencyOfBareRequests: concurrency,
      ...(withRclone ? { rclone: RCLONE_VERSION, transfersOfRclone: transfers } : {}),
    },
    contenders,
    claims: claimsOf(server, contenders),
  };
};

const rowOf = (server: StoreServer, onRequest = false): Row => ({
  name: `db-s3-${server}`,
  title: `db -> s3 on ${server}`,
  servers: [server],
  onRequest,
  measure: (bench) => measure(bench, server),
});

export const databaseToS3: readonly Row[] = [rowOf('swift'), rowOf('versitygw'), rowOf('minio', true)];
