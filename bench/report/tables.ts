import { documentsPerSecond, type JudgedClaim, type KeptResult, megabytesPerSecond, type Sample } from '../result.ts';
import { median } from '../statistics.ts';
import { figure, spreadText, targetText, verdictText } from './figures.ts';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const claimsOf = (results: readonly KeptResult[], judged: boolean) =>
  results.flatMap(({ row, claims }) =>
    claims.filter(({ target }) => (target !== undefined) === judged).map((claim) => ({ row, claim })),
  );

const runsText = ({ values }: JudgedClaim): string => String(values.length);

/** What the project wants to reach, with its verdict. */
export const renderTargets = (results: readonly KeptResult[]): string =>
  table(
    ['what', 'target', 'measured: median [min .. max]', 'runs', '', 'row'],
    claimsOf(results, true).map(({ row, claim }) => [
      claim.what,
      targetText(claim.target, claim.unit),
      spreadText(claim),
      runsText(claim),
      verdictText(claim),
      `\`${row}\``,
    ]),
  );

/** What was measured for its own sake. */
export const renderOthers = (results: readonly KeptResult[]): string =>
  table(
    ['what', 'measured: median [min .. max]', 'runs', 'row'],
    claimsOf(results, false).map(({ row, claim }) => [claim.what, spreadText(claim), runsText(claim), `\`${row}\``]),
  );

const middle = (samples: readonly Sample[], pick: (sample: Sample) => number | undefined, unit: string): string => {
  const values = samples.flatMap((sample) => pick(sample) ?? []);
  return values.length === 0 ? '' : `${figure(median(values))}${unit}`;
};

const conditionsText = ({ conditions }: KeptResult): string =>
  Object.entries(conditions)
    .map(([name, value]) => `${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} ${value}`)
    .join(', ');

/** Every contender of every row, so that the ratios can be checked. */
export const renderContenders = (results: readonly KeptResult[]): string =>
  results
    .map((result) => {
      const rows = result.contenders.map(({ name, samples }) => [
        name,
        String(samples.length),
        middle(samples, (sample) => sample.wallSeconds, ' s'),
        middle(samples, (sample) => (sample.documents === 0 ? undefined : documentsPerSecond(sample)), ''),
        middle(samples, (sample) => (sample.bytes === undefined ? undefined : megabytesPerSecond(sample)), ''),
        middle(samples, (sample) => sample.cpuSeconds, ' s'),
        middle(samples, (sample) => sample.peakMemoryBytes && sample.peakMemoryBytes / 1e6, ' MB'),
      ]);
      const about = [
        result.servers.join(', '),
        conditionsText(result),
        `load before and after ${result.loadAverage.map(figure).join(', ')}`,
      ];
      return `**${result.title}** (${about.filter((text) => text !== '').join('; ')})\n\n${table(
        ['', 'runs', 'time', 'documents/s', 'MB/s', 'CPU', 'peak memory'],
        rows,
      )}`;
    })
    .join('\n\n');

const describeMachine = ({ machine, revision }: KeptResult): string =>
  `${machine.cores} cores (${machine.processors}), ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.kernel}, ` +
  `Node ${machine.node}, PostgreSQL ${machine.postgres}, revision ${revision}`;

/** Where and with what the rows were measured, which may be several where some were measured again. */
export const renderMachine = (results: readonly KeptResult[]): string =>
  [...Map.groupBy(results, describeMachine)]
    .map(([text, rows], _, all) =>
      all.length === 1 ? text : `- ${text}: ${rows.map(({ row }) => `\`${row}\``).join(', ')}`,
    )
    .join('\n');

export const renderProfile = (results: readonly KeptResult[]): string =>
  results
    .flatMap(({ profile, contenders, conditions }) => {
      if (profile === undefined) return [];
      const { busySeconds, idleSeconds, categories, functions } = profile;
      const share = (seconds: number): string => `${((100 * seconds) / busySeconds).toFixed(1)} %`;
      const whole = contenders[0]?.samples[0]?.wallSeconds ?? 0;
      return [
        `${conditions['documents'] ?? ''} documents in ${figure(whole)} s under the profiler; the main thread was busy for ` +
          `${figure(busySeconds)} s and waited for ${figure(idleSeconds)} s.`,
        table(
          ['own time of', 'seconds', 'of the busy time'],
          categories.map(({ category, seconds }) => [category, seconds.toFixed(2), share(seconds)]),
        ),
        'The functions with the most own time:',
        table(
          ['function', 'where', 'of the busy time'],
          functions
            .slice(0, 15)
            .map(({ name, place, seconds }) => [`\`${name === '' ? '(anonymous)' : name}\``, place, share(seconds)]),
        ),
      ];
    })
    .join('\n\n');
