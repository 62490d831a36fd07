/** The entry of the standalone executable: one file that is whichever command it is called as. */
import { basename } from 'node:path';

const COMMANDS = ['anchore-manager', 'anchore-engine', 'anchore-cli'] as const;
type CommandName = (typeof COMMANDS)[number];

const findCommand = (name: string | undefined): CommandName | undefined => COMMANDS.find((each) => each === name);

const start = async (command: CommandName): Promise<unknown> => {
  switch (command) {
    case 'anchore-manager':
      return import('../../src/manager/main.ts');
    case 'anchore-engine':
      return import('../../src/engine/main.ts');
    case 'anchore-cli':
      return import('../../src/client/main.ts');
  }
};

// By the name of the link that it was started as, else by its first argument.
const linked = findCommand(basename(process.argv0));
const named = linked ?? findCommand(process.argv[2]);
if (linked === undefined && named !== undefined) process.argv.splice(2, 1);
if (named === undefined) {
  process.stderr.write(`Usage: ${basename(process.argv0)} ${COMMANDS.join('|')} [ARGUMENTS]\n`);
  process.exitCode = 2;
} else {
  void start(named);
}
