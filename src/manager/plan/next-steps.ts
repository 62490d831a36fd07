import type { CommandContext, CommandInput } from '../context.ts';
import { pastedCommand } from '../pasted-command.ts';
import type { NextStep, Plan } from './plan.ts';

const SELECTING = ['fromAnalysisArchive', 'toAnalysisArchive'] as const;
const MIGRATING = ['nodelete', 'reclaim', 'skipFailed', 'move', 'force'] as const;

const LIMITING = ['bandwidth', 'requestsPerSecond', 'concurrency'] as const;

const dashed = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The same stores and options, with another command. */
const commandLine = (context: CommandContext, input: CommandInput, command: string, flags: readonly string[]): string =>
  pastedCommand(context.group, [
    command,
    input.argument(0),
    input.argument(1),
    ...input.list('bucket').flatMap((bucket) => ['--bucket', bucket]),
    ...flags.filter((flag) => input.flag(flag)).map(dashed),
    ...LIMITING.flatMap((name) => {
      const value = input.value(name);
      return value === undefined ? [] : [dashed(name), value];
    }),
    ...(input.value('verify') === undefined ? [] : [`--verify=${input.value('verify')}`]),
  ]);

/** What to type next: what is in the way comes first; what can be done while services run is worth doing before they stop. */
export const planNextSteps = (
  context: CommandContext,
  input: CommandInput,
  { problems, arrivedWith }: Pick<Plan, 'problems' | 'arrivedWith'>,
): readonly NextStep[] => {
  const line = (command: string, flags: readonly string[]): string => commandLine(context, input, command, flags);
  const migrate = line('migrate', [...SELECTING, ...MIGRATING]);
  const refusing = problems.filter(({ severity }) => severity === 'refuse');
  const isOnlyServices = refusing.every(({ code }) => code === 'refused.services-running');
  if (isOnlyServices && arrivedWith !== null) {
    const verify = ['verify', input.argument(1), ...(input.flag('toAnalysisArchive') ? ['--analysis-archive'] : [])];
    return [{ when: 'To see that every document is there', command: pastedCommand(context.group, verify) }];
  }
  if (refusing.length === 0) return [{ when: 'With the services stopped', command: migrate }];
  if (!isOnlyServices)
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
