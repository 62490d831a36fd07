import { passwordOf } from '../../core/mask-url.ts';
import type { CommandContext, CommandInput } from '../context.ts';
import type { NextStep, Problem } from './plan.ts';

/** As a POSIX shell reads it back. */
const quoteForShell = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** The options of the group, as they were given. A URL that holds a password is named by the guide's variable instead. */
const groupOptions = ({ group }: CommandContext): readonly string[] => {
  const valued = (option: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [option, quoteForShell(String(value))];
  const hidden = group.dbConnect !== undefined && passwordOf(group.dbConnect) !== undefined;
  return [
    ...(hidden ? ['--db-connect', '"${db}"'] : valued('--db-connect', group.dbConnect)),
    ...valued('--db-connect-file', group.dbConnectFile),
    ...valued('--configfile', group.configFile),
    ...(group.dbUseSsl ? ['--db-use-ssl'] : []),
    ...valued('--db-retries', group.dbRetries),
    ...valued('--db-timeout', group.dbTimeoutSeconds),
    ...valued('--db-connect-timeout', group.dbConnectTimeoutSeconds),
  ];
};

const SELECTING = ['fromAnalysisArchive', 'toAnalysisArchive'] as const;
const MIGRATING = ['nodelete', 'reclaim', 'skipFailed', 'retryFailed', 'move', 'force'] as const;

const LIMITING = ['bandwidth', 'requestsPerSecond', 'concurrency'] as const;

const dashed = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The same stores and options, with another command. */
const commandLine = (context: CommandContext, input: CommandInput, command: string, flags: readonly string[]): string =>
  [
    'anchore-manager archivestorage',
    ...groupOptions(context),
    command,
    quoteForShell(input.argument(0)),
    quoteForShell(input.argument(1)),
    ...input.list('bucket').flatMap((bucket) => ['--bucket', quoteForShell(bucket)]),
    ...flags.filter((flag) => input.flag(flag)).map(dashed),
    ...LIMITING.flatMap((name) => {
      const value = input.value(name);
      return value === undefined ? [] : [dashed(name), quoteForShell(value)];
    }),
    ...(input.value('verify') === undefined ? [] : [`--verify=${input.value('verify')}`]),
  ].join(' ');

/** What to type next: what is in the way comes first; what can be done while services run is worth doing before they stop. */
export const planNextSteps = (
  context: CommandContext,
  input: CommandInput,
  problems: readonly Problem[],
): readonly NextStep[] => {
  const line = (command: string, flags: readonly string[]): string => commandLine(context, input, command, flags);
  const migrate = line('migrate', [...SELECTING, ...MIGRATING]);
  const refusing = problems.filter(({ severity }) => severity === 'refuse');
  if (refusing.length === 0) return [{ when: 'With the services stopped', command: migrate }];
  if (refusing.some(({ code }) => code !== 'refused.services-running'))
    return [
      { when: 'Once what is said above is settled, look again', command: line('plan', [...SELECTING, ...MIGRATING]) },
    ];
  const precopies = !input.flag('move');
  return [
    ...(precopies
      ? [{ when: 'While the services run, as often as you want', command: line('precopy', [...SELECTING, 'force']) }]
      : []),
    { when: 'Then, with the services stopped', command: migrate },
  ];
};
