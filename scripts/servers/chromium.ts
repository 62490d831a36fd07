import { createPrograms } from './programs.ts';

/** A real browser, for the reports. */
export const server = createPrograms('chromium', ['chromium']);
