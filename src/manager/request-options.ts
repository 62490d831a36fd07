import { AppError } from '../core/errors.ts';
import type { MigrateRequest } from '../migration/requests.ts';
import type { CommandContext, CommandInput } from './context.ts';
import { type LoadedConfig, loadConfig } from './load-configs.ts';

/** The options of a request that do not come from the configurations. */
export type RequestOptions = Omit<MigrateRequest, 'from' | 'to'>;

/** Both configurations of a command line `FROM TO`. */
export const loadBoth = async (
  context: CommandContext,
  input: CommandInput,
): Promise<{ from: LoadedConfig; to: LoadedConfig }> => ({
  from: await loadConfig(context, input.argument(0), { analysisArchive: input.flag('fromAnalysisArchive') }),
  to: await loadConfig(context, input.argument(1), { analysisArchive: input.flag('toAnalysisArchive') }),
});

/** Throws `usage.invalid` where two options exclude each other. */
export const requestOptionsOf = (input: CommandInput): RequestOptions => {
  const [move, keepSource] = [input.flag('move'), input.flag('nodelete')];
  if (move && keepSource)
    throw new AppError(
      'usage.invalid',
      '--move frees the source as it goes and --nodelete keeps it: they exclude each other',
    );
  return {
    buckets: input.list('bucket'),
    keepSource,
    skipFailed: input.flag('skipFailed'),
    move,
    readBack: input.value('verify') === 'read-back',
    force: input.flag('force'),
  };
};
