import { AppError } from '../../core/errors.ts';
import { renderCompletion } from '../../core/command-line/completion/render-completion.ts';
import type { DescribedCommand } from '../../core/command-line/describe-program.ts';
import type { Command } from '../context.ts';

/** `completion SHELL`: prints what makes a shell complete this command line. */
export const createCompletion =
  (program: DescribedCommand): Command =>
  async (context, input) => {
    const shell = input.argument(0);
    const script = renderCompletion(program, shell);
    if (script === undefined) throw new AppError('usage.invalid', `there is no completion for the shell ${shell}`);
    context.output.text(script);
    context.output.object({ shell, script });
    return 0;
  };
