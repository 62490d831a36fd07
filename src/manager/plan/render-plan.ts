import { readableBytes } from '../../core/readable-bytes.ts';
import { SKIP_REASONS } from '../../migration/phases.ts';
import type { Amount } from '../../migration/forecast.ts';
import { limitTexts } from '../progress/describe-run.ts';
import { describeTrials } from '../trials.ts';
import type { Estimate } from './estimate.ts';
import type { Plan, PlannedSide, Problem, Space } from './plan.ts';
import { readableRange } from './readable-time.ts';
import type { SideTrial } from './trials.ts';
import { labelled as wrapLabelled, shorten, WIDTH, wrapText } from '../wrap-text.ts';

const INDENT = '  ';
const LABEL = 16;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const labelled = (label: string, text: string): readonly string[] => wrapLabelled(label, text, LABEL);

const sideLines = (label: string, { description, config, state }: PlannedSide): readonly string[] => [
  ...labelled(label, `${description}${state === 'created' ? ', which migrate will create' : ''}`),
  ...labelled('', `(${config})`),
];

/** A title over lines of amounts, whose numbers stand under one another. */
const amountLines = (
  title: string,
  amounts: readonly (readonly [what: string, amount: Amount<object>])[],
): readonly string[] => {
  const whats = amounts.map(([what]) => shorten(what, WIDTH - 32));
  const width = Math.max(title.length, ...whats.map((what) => what.length + INDENT.length));
  return [
    `${title.padEnd(width)}  ${'documents'.padStart(10)}  ${'size'.padStart(11)}`,
    ...amounts.map(
      ([, { documents, bytes }], index) =>
        `${(INDENT + (whats[index] ?? '')).padEnd(width)}  ${String(documents).padStart(10)}  ${readableBytes(bytes).padStart(11)}`,
    ),
  ];
};

const documentLines = ({ forecast, continued }: Plan): readonly string[] => {
  const { documents, bytes, withoutSize, buckets, sizes, left, largest } = forecast;
  const lines: string[] = [];
  if (documents > 0) {
    const together = ['together', { documents, bytes }] as const;
    lines.push(
      ...amountLines('What will move', [...buckets.map((amount) => [amount.bucket, amount] as const), together]),
      '',
      ...amountLines(
        'By size',
        sizes.map((amount, index) => {
          const below = sizes[index - 1]?.upToBytes ?? 0;
          const name =
            amount.upToBytes === undefined
              ? `above ${readableBytes(below)}`
              : `up to ${readableBytes(amount.upToBytes)}`;
          return [name, amount] as const;
        }),
      ),
      '',
      'The largest',
      ...largest.map(({ userId, bucket, archiveId, sizeBytes }) => {
        const size = readableBytes(sizeBytes).padStart(11);
        return `${INDENT}${size}  ${shorten(`${userId}/${bucket}/${archiveId}`, WIDTH - 15)}`;
      }),
    );
  } else {
    lines.push('What will move  nothing');
  }
  if (withoutSize > 0)
    lines.push('', `${counted(withoutSize, 'document')} of these have a row that does not say their size.`);
  if (left.length > 0) {
    lines.push(
      '',
      ...amountLines(
        'What will not move',
        left.map((amount) => [leftName(amount), amount] as const),
      ),
    );
    for (const reason of new Set(left.map((amount) => amount.reason)))
      lines.push(...wrapText(`${reason}: ${SKIP_REASONS[reason]}`, INDENT));
  }
  if (continued !== null)
    lines.push(
      '',
      ...wrapText(
        `Migration ${continued.id} is continued: ${counted(continued.copied, 'document')} (${readableBytes(continued.copiedBytes)}) are copied already.`,
        '',
      ),
    );
  return lines;
};

const leftName = ({ reason, scheme }: Plan['forecast']['left'][number]): string =>
  scheme === undefined ? reason : `${reason} (${scheme}://)`;

const trialsOf = (trials: readonly SideTrial[], side: SideTrial['side']): string =>
  describeTrials(trials.filter((trial) => trial.side === side));

const storeLines = ({ holdings, trials, read, to }: Plan): readonly string[] => {
  const held =
    holdings === null
      ? 'unknown'
      : holdings.objects === 0
        ? `nothing${to.state === 'created' ? ': it does not exist yet' : ''}`
        : `${counted(holdings.objects, 'object')}, ${readableBytes(holdings.bytes)}${holdings.complete ? '' : ', and more'}`;
  const [source, destination] = [trialsOf(trials, 'source'), trialsOf(trials, 'destination')];
  const readText =
    read.documents === 0
      ? 'nothing'
      : `${read.all ? `all ${counted(read.documents, 'document')}` : `a sample of ${counted(read.documents, 'document')} (--deep reads all)`}, ${read.unreadable === 0 ? 'every one good' : `${read.unreadable} of them bad`}`;
  return [
    ...labelled('TO holds', held),
    ...(source === '' ? [] : labelled('Tried on FROM', source)),
    ...(destination === '' ? [] : labelled('Tried on TO', destination)),
    ...labelled('Read', readText),
  ];
};

const limitLines = ({ bandwidthBytesPerSecond, requestsPerSecond, concurrency }: Plan['limits']): readonly string[] => {
  const texts = limitTexts({
    bandwidthBytesPerSecond: bandwidthBytesPerSecond ?? undefined,
    requestsPerSecond: requestsPerSecond ?? undefined,
    concurrency: concurrency ?? undefined,
  });
  return texts.length === 0
    ? []
    : labelled('Limited to', `${texts.join(', ')}, at each store: the times are with that`);
};

const timeLines = (estimate: Estimate | null, unmeasured: string | null): readonly string[] => {
  if (estimate === null) return labelled('Time', `not measured: ${unmeasured ?? ''}`);
  const { measured, cleanSeconds } = estimate;
  return [
    ...labelled('Copy', readableRange(estimate.copySeconds)),
    ...labelled('Switch', readableRange(estimate.switchSeconds)),
    ...(cleanSeconds === null ? [] : labelled('Clean source', readableRange(cleanSeconds))),
    ...labelled('Downtime', `${readableRange(estimate.downtimeSeconds)}, with the services stopped from the beginning`),
    ...labelled('', `${readableRange(estimate.downtimeAfterPrecopySeconds)}, where precopy has run before`),
    ...labelled(
      'Measured',
      `${counted(measured.documents, 'document')}, ${readableBytes(measured.bytes)}: ` +
        `${estimate.documentsPerSecond.toFixed(0)} documents/s, ${readableBytes(estimate.bytesPerSecond)}/s`,
    ),
  ];
};

const spaceLines = (space: Space): readonly string[] => {
  const free =
    space.freeBytes === null ? ', which does not say how much is free' : `, of ${readableBytes(space.freeBytes)} free`;
  return [
    ...labelled('Room needed', `about ${readableBytes(space.neededBytes)} there${free}`),
    ...labelled(
      '',
      `about ${readableBytes(space.journalBytes)} in the database, for the journal; a database does not say how much is free`,
    ),
    ...labelled(
      'Room freed',
      `${space.freedBytes === 0 ? '' : `${readableBytes(space.freedBytes)}, `}${space.freedHow}`,
    ),
  ];
};

const differenceLines = ({ differences }: Plan): readonly string[] => {
  const show = (value: unknown): string => (value === null ? '-' : JSON.stringify(value));
  const width = Math.max(0, ...differences.map(({ key }) => key.length));
  return differences.length === 0
    ? ['The configurations are the same.']
    : [
        'What changes in the configuration',
        ...differences.map(({ key, from, to }) => `${INDENT}${key.padEnd(width)}  ${show(from)} -> ${show(to)}`),
      ];
};

const problemLines = (problems: readonly Problem[]): readonly string[] => {
  if (problems.length === 0) return ['No problem was found.'];
  return problems.flatMap(({ severity, code, message, remedy }, index) => [
    ...(index === 0 ? [] : ['']),
    `${severity === 'refuse' ? 'REFUSED' : 'To know'}  ${code}`,
    ...wrapText(message, INDENT),
    ...wrapText(`-> ${remedy}`, INDENT),
  ]);
};

const verdict = ({ refused, arrivedWith }: Plan): string => {
  if (refused) return 'migrate would be REFUSED as things are.';
  return arrivedWith === null
    ? 'migrate would begin.'
    : `migrate would find nothing to do: migration ${arrivedWith} has brought the archive to TO.`;
};

/** The plan for a person, in lines that fit into 80 columns; paths and commands may be longer. */
export const renderPlan = (plan: Plan): string => {
  const parts: readonly (readonly string[])[] = [
    ['Plan. Nothing was changed.'],
    [...sideLines('From', plan.from), ...sideLines('To', plan.to), ...labelled('Database', plan.database)],
    documentLines(plan),
    [
      ...storeLines(plan),
      ...timeLines(plan.estimate, plan.unmeasured),
      ...limitLines(plan.limits),
      ...spaceLines(plan.space),
      ...(plan.keepsSource
        ? []
        : labelled('Deleted', 'at FROM, every document that has moved, once the switch is made')),
    ],
    differenceLines(plan),
    problemLines(plan.problems),
    [verdict(plan)],
    ...plan.next.map(({ when, command }) => [`${when}:`, `${INDENT}${command}`]),
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
};
