import { parseArchiveConfig } from '../config/archive-section.ts';
import { type ConfigFile, findMap, readConfigFile } from '../config/config-file.ts';
import type { Environment } from '../config/environment.ts';
import type { DatabaseTarget } from '../database/database-target.ts';
import { findDatabaseTarget } from './database-target.ts';
import { type ArchiveSettings, DEFAULT_ARCHIVE } from './open-archive.ts';
import { DEFAULT_SETTINGS, type EngineSettings, parseEngineSettings } from './settings.ts';

/** All that a service takes from its configuration. */
export interface EngineConfig {
  /** As the person named it; undefined where there is none. */
  readonly file: string | undefined;
  readonly settings: EngineSettings;
  readonly database: DatabaseTarget;
  readonly archive: ArchiveSettings;
  readonly hasAnalysisArchive: boolean;
  readonly warnings: readonly string[];
}

const parseArchive = (file: ConfigFile): Pick<EngineConfig, 'archive' | 'hasAnalysisArchive' | 'warnings'> => {
  const services = findMap(file, file.root, '', 'services');
  if (services === undefined || findMap(file, services, 'services', 'catalog') === undefined)
    return { archive: DEFAULT_ARCHIVE, hasAnalysisArchive: false, warnings: [] };
  const { driver, compression, hasAnalysisArchive, warnings } = parseArchiveConfig(file);
  return { archive: { driver, compression }, hasAnalysisArchive, warnings };
};

/** Throws `config.unreadable` and `config.invalid` with file, line and key. */
export const loadEngineConfig = async (file: string | undefined, environment: Environment): Promise<EngineConfig> => {
  if (file === undefined)
    return {
      file,
      settings: DEFAULT_SETTINGS,
      database: findDatabaseTarget(undefined, environment),
      archive: DEFAULT_ARCHIVE,
      hasAnalysisArchive: false,
      warnings: [],
    };
  const parsed = await readConfigFile(file, environment);
  return {
    file,
    settings: parseEngineSettings(parsed),
    database: findDatabaseTarget(parsed, environment),
    ...parseArchive(parsed),
  };
};
