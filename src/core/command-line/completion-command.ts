import { Argument, type Command } from 'commander';
import { describeProgram } from './describe-program.ts';

export const COMPLETION_TEXT =
  'Print a script that makes a shell complete this command line; its first lines say where it goes.';

export const shellArgument = (): Argument => new Argument('<shell>', 'The shell.').choices(['bash', 'zsh', 'fish']);

/** Adds `completion SHELL`, which needs nothing but the declarations of the program. */
export const addCompletion = (program: Command, writeOut: (text: string) => void): void => {
  program
    .command('completion')
    .summary(COMPLETION_TEXT)
    .description(COMPLETION_TEXT)
    .addArgument(shellArgument())
    .action(async (shell: string) => {
      const { renderCompletion } = await import('./completion/render-completion.ts');
      writeOut(renderCompletion(describeProgram(program), shell) ?? '');
    });
};
