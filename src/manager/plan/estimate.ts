import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { Forecast } from '../../migration/forecast.ts';
import type { MeasuredPart, Rehearsal } from '../../migration/rehearse.ts';
import { leastCopySeconds, leastRequestSeconds, type MeasuredTraffic } from './limited-pace.ts';

/** Seconds: what is likely, and between what it will be unless something changes. */
export interface Range {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

/** What a migration will take, reckoned from a rehearsal with some documents. */
export interface Estimate {
  /** Documents that were copied for it, their bytes as read, and how long that took. */
  readonly measured: { readonly documents: number; readonly bytes: number; readonly seconds: number };
  readonly documentsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly copySeconds: Range;
  readonly switchSeconds: Range;
  /** Deleting the source; null where it is kept. */
  readonly cleanSeconds: Range | null;
  /** With the services stopped from the beginning: copy, switch, clean. */
  readonly downtimeSeconds: Range;
  /** The same where `precopy` has copied everything before. */
  readonly downtimeAfterPrecopySeconds: Range;
  /** Bytes written for each byte read: less than 1 where the destination compresses. */
  readonly ratio: number;
}

export interface Work {
  readonly documents: number;
  /** As far as the rows say. */
  readonly bytes: number;
  /** What an earlier run has copied already, of these. */
  readonly copied: number;
  readonly copiedBytes: number;
}

/** How many statements a phase writes to each document's row of the journal, as rehearsed. */
const STATEMENTS = { plan: 2, switch: 3, clean: 6 };
/** Ending takes about half of what beginning took. */
const BOTH_ENDS = 1.5;
/** Where two parts went equally fast, the rest may still go differently. */
const LEAST_DOUBT = 0.15;
const MOST_DOUBT = 0.7;
const FEW_DOCUMENTS = 100;
/** How far off a pace can be that an operator's limit sets: what passes for a document differs a little. */
const LIMIT_DOUBT = 0.05;

const sum = (parts: readonly MeasuredPart[], of: (part: MeasuredPart) => number): number =>
  parts.reduce((total, part) => total + of(part), 0);

/** How a source deletes: statements over many rows; reading each file before it goes; asking for each object, then deleting many. */
export type Cleaning = 'rows' | 'files' | 'objects';

/** What deleting takes beside that look, measured on a disk that syncs each folder; in seconds for a file. */
const UNLINK_SECONDS = 0.0005;

/** What an operator allows a run to ask of its stores. */
export interface Limited {
  readonly limits: LimitValues;
  /** While documents were copied for a trial, which was not held to the limits itself, but for that of requests at once. */
  readonly traffic: MeasuredTraffic;
  /** The destination tells of one document a request, when copies are proved again; else of many. */
  readonly provesOneByOne: boolean;
}

/** For each document, in seconds. Deleting itself is never tried on the source. */
const deletionSeconds = ({ lookSeconds, readSeconds }: Rehearsal, cleaning: Cleaning): number => {
  switch (cleaning) {
    case 'rows':
      return lookSeconds;
    case 'files':
      return readSeconds + UNLINK_SECONDS;
    case 'objects':
      return 1.5 * lookSeconds;
  }
};

export const estimateMigration = (
  work: Work,
  rehearsal: Rehearsal,
  options: {
    readonly cleaning: Cleaning | undefined;
    /** What it took to start and to reach the database; in seconds. */
    readonly startSeconds: number;
    readonly limited?: Limited;
  },
): Estimate | undefined => {
  const parts = warmParts(rehearsal.parts);
  const [documents, bytes, seconds] = [
    sum(parts, (part) => part.documents),
    sum(parts, (part) => part.readBytes),
    sum(parts, (part) => part.seconds),
  ];
  if (documents === 0 || seconds === 0) return undefined;
  const doubt = doubtOf(parts, documents);
  const copying = (count: number, size: number): Range => {
    const byCount = (seconds / documents) * count;
    const bySize = bytes === 0 ? byCount : (seconds / bytes) * size;
    const planned = (rehearsal.insertSeconds + STATEMENTS.plan * rehearsal.updateSeconds) * work.documents;
    const likely = (byCount + bySize) / 2;
    return {
      low: planned + Math.min(byCount, bySize) * (1 - doubt),
      likely: planned + likely,
      high: planned + Math.max(byCount, bySize) * (1 + doubt),
    };
  };
  const around = (likely: number): Range => ({ low: likely * (1 - doubt), likely, high: likely * (1 + doubt) });
  const { limited } = options;
  const [left, leftBytes] = [work.documents - work.copied, Math.max(0, work.bytes - work.copiedBytes)];
  const copy = atLeast(
    copying(left, leftBytes),
    limited && leastCopySeconds(limited.limits, limited.traffic, left, leftBytes),
  );
  /** Where a store is asked for each document apart. */
  const onePerDocument = limited && leastRequestSeconds(limited.limits, work.documents);
  const switching = around(0.02 + STATEMENTS.switch * rehearsal.updateSeconds * work.documents);
  const clean =
    options.cleaning === undefined
      ? undefined
      : atLeast(
          around(
            (deletionSeconds(rehearsal, options.cleaning) + STATEMENTS.clean * rehearsal.updateSeconds) *
              work.documents,
          ),
          options.cleaning === 'rows' ? undefined : onePerDocument,
        );
  // What was copied by an earlier run is proved again, as far as its store can tell without giving it.
  const again = atLeast(
    around((rehearsal.lookSeconds + rehearsal.insertSeconds) * work.documents),
    limited?.provesOneByOne === true ? onePerDocument : undefined,
  );
  const stopped = [switching, around(options.startSeconds * BOTH_ENDS), ...(clean ? [clean] : [])];
  return {
    measured: { documents, bytes, seconds },
    documentsPerSecond: documents / seconds,
    bytesPerSecond: bytes / seconds,
    copySeconds: copy,
    switchSeconds: switching,
    cleanSeconds: clean ?? null,
    downtimeSeconds: addRanges([copy, ...stopped]),
    downtimeAfterPrecopySeconds: addRanges([again, ...stopped]),
    ratio: rehearsal.readBytes === 0 ? 1 : rehearsal.writtenBytes / rehearsal.readBytes,
  };
};

/** undefined: nothing holds it back. */
const atLeast = ({ low, likely, high }: Range, seconds = 0): Range => ({
  low: Math.max(low, seconds * (1 - LIMIT_DOUBT)),
  likely: Math.max(likely, seconds),
  high: Math.max(high, seconds * (1 + LIMIT_DOUBT)),
});

const addRanges = (ranges: readonly Range[]): Range => ({
  low: ranges.reduce((total, { low }) => total + low, 0),
  likely: ranges.reduce((total, { likely }) => total + likely, 0),
  high: ranges.reduce((total, { high }) => total + high, 0),
});

/** The program itself gets faster in its first seconds; with several parts at once the first waits for the second. */
const warmParts = (parts: readonly MeasuredPart[]): readonly MeasuredPart[] =>
  parts.length > 2 ? parts.slice(1) : parts;

/** How far off it may be, as a share: more where the parts went differently, or were few. */
const doubtOf = (parts: readonly MeasuredPart[], documents: number): number => {
  const paces = parts.map((part) => part.seconds / Math.max(1, part.documents));
  const mean = paces.reduce((total, pace) => total + pace, 0) / Math.max(1, paces.length);
  const variance = paces.reduce((total, pace) => total + (pace - mean) ** 2, 0) / Math.max(1, paces.length - 1);
  const spread = mean === 0 ? 0 : Math.sqrt(variance / paces.length) / mean;
  const few = (documents < FEW_DOCUMENTS ? 0.2 : 0) + (parts.length < 2 ? 0.15 : 0);
  return Math.min(MOST_DOUBT, LEAST_DOUBT + spread + few);
};

/** What is left to do. */
export const workOf = (
  forecast: Forecast,
  continued: { readonly copied: number; readonly copiedBytes: number } | null,
): Work => ({
  documents: forecast.documents,
  bytes: forecast.bytes,
  copied: continued?.copied ?? 0,
  copiedBytes: continued?.copiedBytes ?? 0,
});
