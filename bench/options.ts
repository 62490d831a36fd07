import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly full: boolean;
  /** Rows whose name is one of these or begins with it and a dash; all where there are none. */
  readonly only: readonly string[];
  readonly runs: number;
  readonly documents: number | undefined;
  /** Where everything is put for the time of the run; left out: the temporary folder. */
  readonly folder: string | undefined;
  /** Only writes the page again from the results that there are. */
  readonly reportOnly: boolean;
  readonly list: boolean;
}

export const USAGE = `usage: npm run bench -- [--quick | --full] [--only ROW...] [--runs N] [--documents N] [--folder FOLDER]
       npm run bench -- --list
       npm run bench -- --report

  --quick      few documents, some minutes (the default); results in bench/results/quick
  --full       the sizes of docs/performance.md, most of an hour; results in bench/results, and the page is written
  --only       these rows, or those whose names begin with this: --only db-s3 memory
  --runs       how often each contender runs, in turn; default 5, quick 3
  --documents  so many documents instead of each row's own number
  --folder     where data lies meanwhile, on a disk; default: the temporary folder
  --report     writes the page again from the results that there are
  --list       names the rows
`;

const countOf = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${name}: expected a whole number above 0; got ${text}`);
  return count;
};

/** Throws where they cannot be understood. */
export const parseOptions = (args: readonly string[]): BenchOptions => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      runs: { type: 'string' },
      documents: { type: 'string' },
      folder: { type: 'string' },
      report: { type: 'boolean' },
      list: { type: 'boolean' },
    },
  });
  const { quick, full = false, only = [], folder, report = false, list = false } = values;
  if (quick === true && full) throw new Error('--quick and --full exclude each other');
  if (full && values.documents !== undefined) throw new Error('--full has its own numbers of documents');
  if (positionals.length > 0 && only.length === 0)
    throw new Error(`${positionals.join(' ')}: rows are named after --only`);
  return {
    full,
    only: [...only, ...positionals],
    runs: countOf('runs', values.runs) ?? (full ? 5 : 3),
    documents: countOf('documents', values.documents),
    folder,
    reportOnly: report,
    list,
  };
};
