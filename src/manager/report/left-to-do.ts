import type { MigrationStatus } from '../../migration/status.ts';

/** Drivers whose tables keep the room of what was deleted from them. */
const KEEPS_ROOM: ReadonlySet<string> = new Set(['db', 'db2']);

const beforeTheSwitch = ({ record, counts }: MigrationStatus, condition: string): readonly string[] => {
  const { id, from, to } = record;
  if (condition === 'running') return [`Wait: a run works on it.`];
  const resume = record.kind === 'rollback' ? `rollback ${record.rollsBack ?? id}` : `resume ${id}`;
  const works = `${from.config} is the configuration that works until then.`;
  if (counts.failed > 0) {
    return [
      `Correct why documents failed, then stop the services and run: ${resume}`,
      `Or leave the failed documents behind: ${resume} --skip-failed`,
      works,
    ];
  }
  return [
    condition === 'precopied'
      ? `Stop the services, then run: migrate ${from.config} ${to.config}`
      : `Continue it with: ${resume}`,
    works,
  ];
};

const afterTheSwitch = (status: MigrationStatus): readonly string[] => {
  const { record, counts } = status;
  const { id, from, to } = record;
  const steps = [
    `Put ${to.config} in the place of ${from.config}, for every component that uses it; then start the services.`,
    'Make a new backup of the database: those from before the switch no longer match the stores.',
  ];
  if (counts.failed > 0) steps.push(`Correct why documents failed, then copy them once more: retry ${id}`);
  if (counts.switched + counts.cleaning > 0) {
    steps.push(
      record.phase === 'switched' && counts.cleaning === 0
        ? `The source still has its ${counts.switched} documents: once you are sure, stop the services and delete them with: clean ${id} (until then, rollback ${id} undoes the migration)`
        : `Finish deleting from the source: clean ${id}`,
    );
  }
  if (KEEPS_ROOM.has(from.driver) && counts.cleaned > 0)
    steps.push(`Where the table of the source shall give back the room of what was deleted: clean ${id} --reclaim`);
  return steps;
};

/** What a person still has to do, in its order. */
export const listLeftToDo = (status: MigrationStatus, condition: string): readonly string[] => {
  const { record } = status;
  switch (record.phase) {
    case 'abandoned':
      return [`Nothing: it was given up before its switch, and ${record.from.config} is the configuration that works.`];
    case 'rolled-back':
      return [`Nothing: it was rolled back, and ${record.from.config} is the configuration that works.`];
    case 'copying':
    case 'moving':
      if (record.switchedAt === undefined) return beforeTheSwitch(status, condition);
      return [`Continue it with: resume ${record.id}`];
    case 'switched':
    case 'cleaning':
    case 'cleaned':
      if (record.switchedAt === undefined)
        return [
          'Nothing: it switched nothing, so the configuration in use stays the one that works; see list-migrations.',
        ];
      return status.active === 'elsewhere' || status.active === 'from'
        ? ['Nothing: a later migration has moved the archive on; see list-migrations.']
        : afterTheSwitch(status);
  }
};
