import { createPrograms } from './programs.ts';

/** The shells whose completion is tested, but for bash, which is everywhere; and what reads manual pages strictly. */
export const server = createPrograms('shells', ['zsh', 'fish', 'mandoc', 'man']);
