import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { AppError } from '../core/errors.ts';

/** A person who can be asked, if there is one. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable;
}

/** The question before anything that needs the services stopped, in the words of the operator's guide. */
export const SERVICES_STOPPED_QUESTION =
  'Performing this operation requires *all* anchore-engine services to be stopped - proceed? (y/N)';

/** The first line that is typed; undefined at the end of input. */
const readLine = async (terminal: Terminal, signal: AbortSignal): Promise<string | undefined> => {
  signal.throwIfAborted();
  // Not as a terminal: the kernel then edits the line, and Ctrl-C stays a signal.
  const reader = createInterface({ input: terminal.input, terminal: false });
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      reader.once('line', resolve);
      reader.once('close', () => resolve(undefined));
      terminal.input.once('error', reject);
      signal.addEventListener('abort', () => reject(new AppError('interrupted', 'A signal ended the question')), {
        once: true,
      });
    });
  } finally {
    reader.close();
    terminal.input.pause();
  }
};

/**
 * Asks, and returns where the answer is y or yes. Throws `refused.by-person` for anything else, for an end of input, and
 * where there is no terminal to ask on. `--dontask` means not to call this.
 */
export const confirm = async (question: string, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  if (terminal.input.isTTY !== true) {
    throw new AppError('refused.by-person', 'There is no terminal on which to ask, so nothing was done', {
      remedy: 'Give --dontask once all services are stopped, or run the command in a terminal.',
    });
  }
  terminal.output.write(question);
  const answer = await readLine(terminal, signal);
  if (answer === undefined) terminal.output.write('\n');
  if (answer !== undefined && /^\s*y(es)?\s*$/i.test(answer)) return;
  throw new AppError('refused.by-person', 'The question was not answered with y or yes, so nothing was done');
};
