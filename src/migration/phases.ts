/**
 * The two state machines of a migration, in one place. Every write that changes a state names the states it may come
 * from in its WHERE clause, so that the tables below are what the database enforces.
 *
 *                    plan, copy                switch               clean
 *   migration   copying ------------------> switched --> cleaning ---------> cleaned
 *                  |  (moving, with --move: ----^  batch by batch, -^)
 *                  '--> abandoned               '--> rolled-back
 *
 *   document    planned -> copying -> copied -> switched -> cleaning -> cleaned
 *                             |
 *                             +--> failed | skipped | dropped
 *
 *   A document whose object could not be deleted is `cleaned` with the reason; the next cleaning takes it back to `switched`.
 *
 * `active` is the source until the switch commits, then the destination; the phase is written by the same transaction
 * as the metadata, so reading it tells which configuration works.
 */
export const PHASES = ['copying', 'moving', 'switched', 'cleaning', 'cleaned', 'rolled-back', 'abandoned'] as const;
export type Phase = (typeof PHASES)[number];

/** From which phases a phase can be entered. A phase can always be entered again from itself. */
export const PHASE_SOURCES = {
  // From switched, cleaning and cleaned: documents that failed the first time are copied once more.
  'copying': ['switched', 'cleaning', 'cleaned'],
  'moving': ['copying', 'switched', 'cleaning', 'cleaned'],
  'switched': ['copying', 'moving'],
  // From cleaned: cleaning again finds nothing left, and says so.
  'cleaning': ['switched', 'moving', 'cleaned'],
  'cleaned': ['cleaning', 'moving'],
  'rolled-back': ['switched'],
  // From moving: as long as nothing has been switched.
  'abandoned': ['copying', 'moving'],
} as const satisfies Record<Phase, readonly Phase[]>;

export const DOCUMENT_STATES = [
  'planned',
  'copying',
  'copied',
  'switched',
  'cleaning',
  'cleaned',
  'failed',
  'skipped',
  'dropped',
] as const;
export type DocumentState = (typeof DOCUMENT_STATES)[number];

/** Why a row of the archive is not moved: what the journal lists as known exceptions. */
export const SKIP_REASONS = {
  'skipped.no-url': 'the row has no content URL: there is nothing to move',
  'skipped.elsewhere': 'the row names a store that the source configuration cannot read',
  'skipped.unreadable-url': 'the content URL cannot be understood by the source driver',
  'skipped.not-selected': 'the bucket was not selected with --bucket',
  'skipped.exception': 'an earlier migration lists it as failed: the source configuration does not have it',
  'skipped.not-undone': 'the migration that is undone did not bring it here: it stays at the destination of that',
  'skipped.already-there': 'the row already names the object at the destination',
} as const;
export type SkipReason = keyof typeof SKIP_REASONS;

/** States of `tasks`, as Anchore's own tools know them. */
export type TaskState = 'initializing' | 'pending' | 'running' | 'complete' | 'failed';

/** Why an unfinished migration rests; null while it runs or when it has ended. */
export type Pause = 'precopied' | 'interrupted' | 'failed-documents' | 'stopped';
