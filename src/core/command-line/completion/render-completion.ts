import type { DescribedCommand } from '../describe-program.ts';
import { renderBash } from './bash.ts';
import { renderFish } from './fish.ts';
import { renderZsh } from './zsh.ts';

const RENDERERS: Readonly<Record<Shell, (program: DescribedCommand) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
};

type Shell = 'bash' | 'zsh' | 'fish';

/** What makes a shell complete a command line; undefined for a shell that is not known. */
export const renderCompletion = (program: DescribedCommand, shell: string): string | undefined =>
  Object.entries(RENDERERS).find(([name]) => name === shell)?.[1](program);
