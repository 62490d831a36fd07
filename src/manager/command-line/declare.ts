import type { Command as Commander } from 'commander';
import type { Command } from '../context.ts';

/** Adds a command to its group; `load` imports it: `--help` must not pay for what it does not use. */
export type Declare = (usage: string, text: string, load: () => Promise<Command>) => Commander;
