import type { MigrationRecord } from '../../migration/migration-store.ts';
import type { MigrationStatus } from '../../migration/status.ts';
import type { Paste } from '../pasted-command.ts';

/** Something that a person still has to do. */
export interface Step {
  readonly text: string;
  /** The whole command that does it, to be pasted into a shell; null where there is none. */
  readonly command: string | null;
}

/** Drivers whose tables keep the room of what was deleted from them. */
const KEEPS_ROOM: ReadonlySet<string> = new Set(['db', 'db2']);

const say = (text: string): Step => ({ text, command: null });

/** The words of the command that continues a migration or a rollback. */
export const continuing = ({ id, kind, rollsBack }: MigrationRecord): readonly [string, number] =>
  kind === 'rollback' ? ['rollback', rollsBack ?? id] : ['resume', id];

const beforeTheSwitch = ({ record, counts }: MigrationStatus, condition: string, paste: Paste): readonly Step[] => {
  const { id, from, to, scope } = record;
  if (condition === 'running') return [say('Wait: a run works on it.')];
  const resume = continuing(record);
  const works = say(`${from.config} is the configuration that works until then.`);
  if (counts.failed > 0) {
    return [
      { text: 'Correct why documents failed, then stop the services and continue', command: paste(...resume) },
      // A rollback brings back everything or nothing.
      ...(record.kind === 'rollback'
        ? []
        : [{ text: 'Or leave the failed documents behind', command: paste(...resume, '--skip-failed') }]),
      works,
    ];
  }
  // What was selected is in the journal, and a command with both files would have to say it again.
  const selects = scope.buckets !== null || scope.ownBuckets !== null;
  return [
    condition === 'precopied'
      ? {
          text: 'Stop the services, then copy what has changed since, and switch',
          command: selects ? paste('resume', id) : paste('migrate', from.config, to.config),
        }
      : { text: 'Continue it', command: paste(...resume) },
    works,
  ];
};

const afterTheSwitch = (status: MigrationStatus, paste: Paste): readonly Step[] => {
  const { record, counts } = status;
  const { id, from, to } = record;
  const keepsSource = counts.switched + counts.cleaning > 0;
  const holdsRoom = KEEPS_ROOM.has(from.driver) && counts.cleaned > 0;
  const readsOldFile = keepsSource || holdsRoom || counts.failed > 0;
  const steps: Step[] = [
    say(
      `Put ${to.config} in the place of ${from.config}, for every component that uses it; then start the services.` +
        (readsOldFile ? ' Keep a copy of the old file: what follows reads it, with --from COPY.' : ''),
    ),
    say('Make a new backup of the database: those from before the switch no longer match the stores.'),
  ];
  if (counts.failed > 0)
    steps.push({ text: 'Correct why documents failed, then copy them once more', command: paste('retry', id) });
  if (keepsSource && record.phase === 'switched' && counts.cleaning === 0) {
    const kept = counts.switched === 1 ? 'its document' : `its ${counts.switched} documents`;
    steps.push(
      {
        text: `The source still has ${kept}. Once you are sure, stop the services and delete them there`,
        command: paste('clean', id),
      },
      {
        text: `Or, as long as they are there, stop the services and undo the ${record.kind === 'rollback' ? 'rollback' : 'migration'}`,
        command: paste('rollback', id),
      },
    );
  } else if (keepsSource) {
    steps.push({ text: 'Finish deleting from the source', command: paste('clean', id) });
  }
  if (holdsRoom) {
    steps.push({
      text: 'Where the table of the source shall give back the room of what was deleted',
      command: paste('clean', id, '--reclaim'),
    });
  }
  return steps;
};

/** What a person still has to do, in its order. */
export const listLeftToDo = (status: MigrationStatus, condition: string, paste: Paste): readonly Step[] => {
  const { record } = status;
  switch (record.phase) {
    case 'abandoned':
      return [
        say(`Nothing: it was given up before its switch, and ${record.from.config} is the configuration that works.`),
      ];
    case 'rolled-back':
      return [say(`Nothing: it was rolled back, and ${record.from.config} is the configuration that works.`)];
    case 'copying':
    case 'moving':
      if (record.switchedAt === undefined) return beforeTheSwitch(status, condition, paste);
      return [{ text: 'Continue it', command: paste(...continuing(record)) }];
    case 'switched':
    case 'cleaning':
    case 'cleaned':
      if (record.switchedAt === undefined)
        return [
          {
            text: 'Nothing: it switched nothing, so the configuration in use stays the one that works. Which migration brought the archive where it is',
            command: paste('list-migrations'),
          },
        ];
      return status.active === 'elsewhere' || status.active === 'from'
        ? [{ text: 'Nothing: a later migration has moved the archive on', command: paste('list-migrations') }]
        : afterTheSwitch(status, paste);
  }
};
