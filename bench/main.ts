/** Measures this program against what limits it and what else there is: `npm run bench -- --help`. */
import { measureRows } from './measure-rows.ts';
import { parseOptions, USAGE } from './options.ts';
import { writePage } from './report/page.ts';
import { summarise } from './report/summary.ts';
import { readResults } from './results.ts';
import { chooseRows, ROWS } from './rows/catalogue.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));

const main = async (args: readonly string[]): Promise<number> => {
  if (args.includes('--help')) {
    say(USAGE);
    return 0;
  }
  const options = parseOptions(args);
  if (options.list) {
    for (const { name, title } of ROWS) say(`${name.padEnd(24)} ${title}`);
    return 0;
  }
  if (options.reportOnly) {
    await writePage(await readResults('full'));
    return 0;
  }
  const rows = chooseRows(options.only);
  try {
    const { results, failed } = await measureRows(rows, { options, say, signal: stopping.signal });
    if (results.length > 1) for (const line of summarise(results)) say(line);
    return failed === 0 ? 0 : 1;
  } finally {
    // Also of a run that was broken off.
    if (options.full) await writePage(await readResults('full'));
  }
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = stopping.signal.aborted ? 130 : 2;
}
