import { AppError } from '../../core/errors.ts';
import type { DescribedCommand } from '../command-line/describe-program.ts';
import { renderBash } from '../completion/bash.ts';
import { renderFish } from '../completion/fish.ts';
import { renderZsh } from '../completion/zsh.ts';
import type { Command } from '../context.ts';

const RENDERERS = new Map([
  ['bash', renderBash],
  ['zsh', renderZsh],
  ['fish', renderFish],
]);

/** `completion SHELL`: prints what makes a shell complete this command line. */
export const createCompletion =
  (program: DescribedCommand): Command =>
  async (context, input) => {
    const shell = input.argument(0);
    const render = RENDERERS.get(shell);
    if (render === undefined) throw new AppError('usage.invalid', `there is no completion for the shell ${shell}`);
    const script = render(program);
    context.output.text(script);
    context.output.object({ shell, script });
    return 0;
  };
