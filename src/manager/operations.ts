import { hostname, totalmem } from 'node:os';
import type { Database } from '../database/database.ts';
import { noFaults } from '../migration/fault-points.ts';
import { OPEN_GATE } from '../migration/gate.ts';
import type { Environment } from '../migration/requests.ts';
import { DEFAULT_SETTINGS } from '../migration/run.ts';
import type { CommandContext } from './context.ts';
import { loadRecorded } from './journalled.ts';
import { openSide } from './open-side.ts';
import { PLACES } from './places.ts';
import { LEAST_MEMORY_BYTES } from './progress/run-options.ts';
import { readTestHooks } from './test-hooks.ts';

/** No more than the default, which is enough to be quick, and no large part of what a container may have; in bytes. */
const planMemory = (availableBytes: number): number =>
  Math.min(DEFAULT_SETTINGS.memoryBytes, Math.max(LEAST_MEMORY_BYTES, availableBytes / 16));

/** What the operations of the migration layer need, made from what the composition root gave the command. */
export const operationEnvironment = (context: CommandContext, db: Database): Environment => {
  const log = context.log.at(PLACES.migration);
  const hooks = readTestHooks(context.environment);
  return {
    db,
    log,
    signal: context.signal,
    settings: {
      ...DEFAULT_SETTINGS,
      memoryBytes: planMemory(process.constrainedMemory() || totalmem()),
      ...hooks?.settings,
    },
    faults: hooks?.faults ?? noFaults,
    toolVersion: context.toolVersion,
    executorId: `${hostname()}:${process.pid}:0:`,
    progress: () => undefined,
    gate: OPEN_GATE,
    openDestination: async ({ to, scope }) => {
      const { archive } = await loadRecorded(context, to.config, to, scope.ownBuckets !== null);
      const opened = await openSide(context, db, archive, { prepare: false });
      return { store: opened.side.store, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
    },
  };
};
