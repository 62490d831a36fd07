import { type DescribedCommand, describeProgram } from '../src/core/command-line/describe-program.ts';
import { type ManualNotes, renderManPage } from '../src/core/command-line/man-page.ts';
import { MANUAL_NOTES as CLIENT_NOTES } from '../src/client/manual-notes.ts';
import { createProgram as createClient } from '../src/client/program.ts';
import { MANUAL_NOTES as ENGINE_NOTES } from '../src/engine/manual-notes.ts';
import { createProgram as createEngine } from '../src/engine/program.ts';
import { MANUAL_NOTES as MANAGER_NOTES } from '../src/manager/command-line/manual-notes.ts';
import { createProgram as createManager } from '../src/manager/command-line/program.ts';

const nothing = async (): Promise<void> => undefined;
const nowhere = (): void => undefined;

/** Every command line of ours, as it is declared, with what its manual page says beside that. */
export const describePrograms = (version: string): readonly (readonly [DescribedCommand, ManualNotes])[] => [
  [describeProgram(createManager(nothing, version, nowhere)), MANAGER_NOTES],
  [describeProgram(createEngine({ start: nothing, init: nothing }, version, nowhere)), ENGINE_NOTES],
  [describeProgram(createClient(nothing, version, nowhere)), CLIENT_NOTES],
];

/** The manual page of each program, by its name. */
export const renderManPages = (version: string): ReadonlyMap<string, string> =>
  new Map(describePrograms(version).map(([program, notes]) => [program.name, renderManPage(program, version, notes)]));
