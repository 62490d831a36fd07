/** Measures this program against what limits it and what else there is: `npm run bench -- --help`. */
import { measureRows } from './measure-rows.ts';
import { parseOptions, USAGE } from './options.ts';
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
  const failed = await measureRows(chooseRows(options.only), { options, say, signal: stopping.signal });
  return failed === 0 ? 0 : 1;
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = stopping.signal.aborted ? 130 : 2;
}
