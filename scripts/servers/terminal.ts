import { createPrograms } from './programs.ts';

/** A terminal that a test can size, type on and look at. */
export const server = createPrograms('terminal', ['tmux']);
