import { type ArchiveConfig, type ArchiveChoice, parseArchiveConfig } from '../config/archive-section.ts';
import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';

export interface LoadedConfig {
  readonly file: ConfigFile;
  readonly archive: ArchiveConfig;
}

/** Reads a configuration file and says what in it was ignored or assumed. Throws `config.*`. */
export const loadConfig = async (
  context: CommandContext,
  path: string,
  choice: ArchiveChoice = {},
): Promise<LoadedConfig> => {
  const file = await readConfigFile(path, context.environment);
  const archive = parseArchiveConfig(file, choice);
  const log = context.log.at(PLACES.config);
  for (const warning of archive.warnings) log.warn(warning);
  return { file, archive };
};
