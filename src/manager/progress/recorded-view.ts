import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { MigrationRecord } from '../../migration/migration-store.ts';
import type { RunRecord } from '../../migration/run-store.ts';
import type { RunView } from './run-state.ts';

/** A run as its process has journalled it. */
export const viewOfRecord = (run: RunRecord, record: MigrationRecord, limits: LimitValues): RunView => ({
  identity: {
    migrationId: run.migrationId,
    epoch: run.epoch,
    command: run.command,
    kind: record.kind,
    from: record.from.driver,
    to: record.to.driver,
    resumed: run.epoch > 1,
  },
  progress: run,
  elapsedSeconds: run.elapsedSeconds,
  limits,
  end: run.end,
});
