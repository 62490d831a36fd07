/**
 * Real servers for tests, on free ports of 127.0.0.1, their data under `.servers/`.
 *
 *   npm run servers:start [NAME...]    starts what this machine can have and does not run yet
 *   npm run servers:stop [NAME...]     ends what `start` started
 *   npm run servers:status
 */
import { findServers, SERVER_NAMES, startServers, stopServers } from './control.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const usage = (): number => {
  say(`usage: npm run servers:start|servers:stop|servers:status [NAME...]; NAME is one of ${SERVER_NAMES.join(', ')}`);
  return 2;
};

const main = async ([command = '', ...names]: readonly string[]): Promise<number> => {
  if (names.some((name) => !SERVER_NAMES.includes(name))) return usage();
  switch (command) {
    case 'start': {
      const { failed } = await startServers(names, say);
      return failed.length === 0 ? 0 : 1;
    }
    case 'stop':
      await stopServers(names, say);
      return 0;
    case 'status':
      for (const { name, status } of await findServers()) say(`${name}: ${status}`);
      return 0;
    default:
      return usage();
  }
};

process.exitCode = await main(process.argv.slice(2));
