import type { Database } from '../../src/database/database.ts';
import { FAULT_POINTS, type FaultPoint } from '../../src/migration/fault-points.ts';
import type { Phase } from '../../src/migration/phases.ts';
import type { Kill } from './manager-process.ts';
import type { Random } from './random.ts';

/** What the journal says of the newest migration; undefined before there is one. */
export interface JournalView {
  readonly id: number;
  readonly kind: 'migrate' | 'rollback';
  readonly phase: Phase;
  readonly switched: boolean;
  /** Its task says so. */
  readonly complete: boolean;
  readonly fromFingerprint: string;
  readonly toCopy: number;
  readonly copied: number;
}

export const viewJournal = async (db: Database): Promise<JournalView | undefined> => {
  const table = await db.query<{ there: boolean }>(
    `SELECT to_regclass('archive_mover_migration') IS NOT NULL AS there`,
  );
  if (table.rows[0]?.there !== true) return undefined;
  const { rows } = await db.query<{
    id: number;
    kind: 'migrate' | 'rollback';
    phase: Phase;
    switched: boolean;
    complete: boolean;
    from_fingerprint: string;
    to_copy: number;
    copied: number;
  }>(
    `SELECT m.id, m.kind, m.phase, m.switched_at IS NOT NULL AS switched, m.from_fingerprint,
            (SELECT state = 'complete' FROM tasks t WHERE t.id = m.id) AS complete,
            (SELECT count(*) FROM archive_mover_document d WHERE d.migration_id = m.id AND d.state IN ('planned', 'copying')) AS to_copy,
            (SELECT count(*) FROM archive_mover_document d WHERE d.migration_id = m.id AND d.state = 'copied') AS copied
       FROM archive_mover_migration m ORDER BY m.id DESC LIMIT 1`,
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const { id, kind, phase, switched, complete, from_fingerprint: fromFingerprint, to_copy: toCopy, copied } = row;
  return { id, kind, phase, switched, complete, fromFingerprint, toCopy, copied };
};

/** Counts of what was reached by kills, over all trials; steers the next ones to what was reached least. */
export class KillTally {
  readonly #points = new Map<FaultPoint, number>(FAULT_POINTS.map((point) => [point, 0]));
  readonly #landings = new Map<string, number>();
  kills = 0;

  add(kill: Kill, phase: Phase | undefined): void {
    this.kills += 1;
    if (kill.kind === 'point') this.#points.set(kill.point, this.countOf(kill.point) + 1);
    const landing = `${(phase ?? 'before').padEnd(11)} ${kill.kind === 'point' ? kill.point : 'a random moment'}`;
    this.#landings.set(landing, (this.#landings.get(landing) ?? 0) + 1);
  }

  countOf(point: FaultPoint): number {
    return this.#points.get(point) ?? 0;
  }

  /** Steps that no kill has hit. */
  findMissed(): readonly FaultPoint[] {
    return FAULT_POINTS.filter((point) => this.countOf(point) === 0);
  }

  /** Phases in which no kill has landed, of those in which a process can be at work. */
  findMissedPhases(): readonly Phase[] {
    const landed = [...this.#landings.keys()].map((landing) => landing.split(' ')[0]);
    return (['copying', 'moving', 'switched', 'cleaning'] as const).filter((phase) => !landed.includes(phase));
  }

  render(): string {
    return [...this.#landings]
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([landing, count]) => `${String(count).padStart(5)}  ${landing}`)
      .join('\n');
  }
}

/** Whether a command that was killed had already done all that it was for: it is then not to be run again. */
export const isDone = (command: CommandName, view: JournalView | undefined, cleans: boolean): boolean => {
  if (view?.complete !== true || command === 'precopy') return false;
  if ((command === 'rollback') !== (view.kind === 'rollback')) return false;
  return view.phase === 'cleaned' || (view.phase === 'switched' && !cleans);
};

export type CommandName = 'migrate' | 'precopy' | 'rollback' | 'clean';

/** A point that this command can still reach, of those hit least so far; or a random moment. */
export const planKill = (
  command: CommandName,
  view: JournalView | undefined,
  choices: { readonly cleans: boolean; readonly usualWorkMs: number },
  tally: KillTally,
  random: Random,
): Kill => {
  const reachable = FAULT_POINTS.filter((point) => isReachable(point, command, view, choices.cleans));
  if (reachable.length === 0 || random.chance(0.25)) {
    const since = random.chance(0.2) ? 'start' : 'work';
    return {
      kind: 'delay',
      since,
      delayMs: Math.round(random.next() * choices.usualWorkMs * (since === 'start' ? 2 : 1)),
    };
  }
  const least = Math.min(...reachable.map((point) => tally.countOf(point)));
  const [first, ...rest] = reachable.filter((point) => tally.countOf(point) <= least + 1);
  const point = random.pick([first ?? 'copy.after-write', ...rest]);
  const repeats = point.startsWith('copy.') || point === 'clean.after-delete' || point === 'clean.after-record';
  return { kind: 'point', point, hit: repeats ? random.integer(1, 3) : 1 };
};

const isReachable = (
  point: FaultPoint,
  command: CommandName,
  view: JournalView | undefined,
  cleans: boolean,
): boolean => {
  const step = point.split('.')[0];
  if (step === 'finish') return true;
  const isSwitched = view !== undefined && ['switched', 'cleaning', 'rolled-back', 'cleaned'].includes(view.phase);
  // A new migration stands behind the newest where a rollback is yet to begin.
  const isFresh = view === undefined || (command === 'rollback' && view.kind === 'migrate');
  switch (step) {
    case 'plan':
      return command !== 'clean' && (isFresh || !isSwitched);
    case 'copy':
      return command !== 'clean' && (isFresh || view.toCopy > 0 || (view.copied === 0 && !isSwitched));
    case 'confirm':
      return (command === 'migrate' || command === 'rollback') && !isFresh && view.copied > 0;
    case 'switch':
      return (command === 'migrate' || command === 'rollback') && (isFresh || !isSwitched);
    default:
      return cleans && command !== 'precopy';
  }
};
