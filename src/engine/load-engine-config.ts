import { parseArchiveConfig } from '../config/archive-section.ts';
import { type ConfigFile, findMap, readConfigFile } from '../config/config-file.ts';
import type { Environment } from '../config/environment.ts';
import type { DatabaseTarget } from '../database/database-target.ts';
import type { StoreSettings } from '../stores/open-store.ts';
import { findServiceDatabase } from './database-options.ts';
import { DEFAULT_SETTINGS, type EngineSettings, parseEngineSettings } from './settings.ts';

/** All that a service takes from its configuration. */
export interface EngineConfig {
  /** As the person named it; undefined where there is none. */
  readonly file: string | undefined;
  readonly settings: EngineSettings;
  readonly database: DatabaseTarget;
  readonly archive: StoreSettings;
  /** Where the configuration has a section `analysis_archive`. */
  readonly analysisArchive: StoreSettings | undefined;
  readonly warnings: readonly string[];
}

export type ArchivePart = Pick<EngineConfig, 'archive' | 'analysisArchive' | 'warnings'>;

/** Where no catalog is configured, documents lie in the database. */
const NO_CATALOG: ArchivePart = {
  archive: { driver: { name: 'db', options: {} }, compression: { enabled: false, minSizeKbytes: 100 } },
  analysisArchive: undefined,
  warnings: [],
};

const parseArchive = (file: ConfigFile | undefined): ArchivePart => {
  const services = file && findMap(file, file.root, '', 'services');
  if (file === undefined || services === undefined || !findMap(file, services, 'services', 'catalog'))
    return NO_CATALOG;
  const archive = parseArchiveConfig(file);
  if (!archive.hasAnalysisArchive) return { archive, analysisArchive: undefined, warnings: archive.warnings };
  const analysisArchive = parseArchiveConfig(file, { analysisArchive: true });
  return { archive, analysisArchive, warnings: [...archive.warnings, ...analysisArchive.warnings] };
};

/** Throws `config.unreadable` and `config.invalid` with file, line and key. */
export const loadEngineConfig = async (path: string | undefined, environment: Environment): Promise<EngineConfig> => {
  const file = path === undefined ? undefined : await readConfigFile(path, environment);
  const settings = file === undefined ? DEFAULT_SETTINGS : parseEngineSettings(file);
  const { database, warnings } = await findServiceDatabase(file, environment);
  const archive = parseArchive(file);
  return { file: path, settings, database, ...archive, warnings: [...warnings, ...archive.warnings] };
};
