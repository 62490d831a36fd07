import type { Place, StoreServer } from './place.ts';
import { type Contender, documentsPerSecond, megabytesPerSecond, type RowResult, type Sample } from './result.ts';

/** What a row has to work with. */
export interface Bench {
  readonly place: Place;
  /** For the jobs of scripts. */
  readonly folder: string;
  /** Writes out what earlier work has left in memory, right before a measurement. */
  readonly settle: () => Promise<void>;
  readonly full: boolean;
  readonly runs: number;
  /** How many documents, where the command line says so. */
  readonly documents: number | undefined;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** One row of the page, with everything that it is measured against. */
export interface Row {
  /** As `--only` names it. */
  readonly name: string;
  readonly title: string;
  /** The row is left out where this machine does not have them. */
  readonly servers: readonly StoreServer[];
  /** Not part of the page: measured only where it is named. */
  readonly onRequest?: boolean;
  measure(bench: Bench): Promise<Omit<RowResult, 'row' | 'title'>>;
}

export interface Competing {
  readonly name: string;
  /** Prepares and runs once; what is prepared is not timed. */
  readonly measure: (run: number) => Promise<Sample>;
}

/** So many documents, unless the command line says otherwise. */
export const documentsOf = (bench: Bench, full: number, quick: number): number =>
  bench.documents ?? (bench.full ? full : quick);

const describe = (sample: Sample): string =>
  [
    `${sample.wallSeconds.toFixed(2)} s`,
    `${documentsPerSecond(sample).toFixed(0)} documents/s`,
    ...(sample.bytes === undefined ? [] : [`${megabytesPerSecond(sample).toFixed(0)} MB/s`]),
    ...(sample.cpuSeconds === undefined ? [] : [`CPU ${sample.cpuSeconds.toFixed(2)} s`]),
    ...(sample.peakMemoryBytes === undefined ? [] : [`${(sample.peakMemoryBytes / 1e6).toFixed(0)} MB`]),
    ...Object.entries(sample.more ?? {}).map(([name, value]) => `${name} ${value.toFixed(2)}`),
  ].join(', ');

/** Every contender in turn, A B C A B C ...: whatever slows the machine for a while slows all of them. */
export const alternate = async (
  bench: Bench,
  competing: readonly Competing[],
  runs = bench.runs,
): Promise<readonly Contender[]> => {
  const samples = competing.map((): Sample[] => []);
  for (let run = 0; run < runs; run += 1) {
    for (const [index, { name, measure }] of competing.entries()) {
      bench.signal.throwIfAborted();
      const sample = await measure(run);
      samples[index]?.push(sample);
      bench.say(`  ${run + 1}/${runs} ${name}: ${describe(sample)}`);
    }
  }
  return competing.map(({ name }, index) => ({ name, samples: samples[index] ?? [] }));
};

/** One figure of each run of a contender; none where the contender is not on this machine. Throws where it was not measured. */
export const figuresOf = (
  contenders: readonly Contender[],
  name: string,
  figure: (sample: Sample) => number | undefined,
): readonly number[] => {
  const samples = contenders.find((each) => each.name === name)?.samples ?? [];
  return samples.map((sample) => {
    const value = figure(sample);
    if (value === undefined) throw new Error(`${name} lacks a figure`);
    return value;
  });
};

/** Documents a second of each run of a contender. */
export const ratesOf = (contenders: readonly Contender[], name: string): readonly number[] =>
  figuresOf(contenders, name, documentsPerSecond);
