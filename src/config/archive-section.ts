import { isAbsolute, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import { parseCompression } from './compression-section.ts';
import { type ConfigFile, describeNode, findMap, invalidValue, isFilled, readConfigFile } from './config-file.ts';
import type { Environment } from './environment.ts';
import { CONFIGURABLE_DRIVERS, type ConfigurableDriver, type DriverConfig } from '../drivers/sections.ts';
import { isSecret, parseDriver, refuseMisspelt, warnAboutUnknown } from './driver-config.ts';
import { legacySection } from './legacy-section.ts';
import { type DisplayMap, checkVariables, displayValue, registerSecretsOf } from './section-values.ts';
import type { ConfigMap } from './yaml-tree.ts';

/** The archive that one configuration file names. */
export interface ArchiveConfig {
  /** The file, as the person named it. */
  readonly file: string;
  /** Where in the file, such as `services.catalog.object_store`; the folder `services.catalog` for the form before 0.2.4. */
  readonly sectionPath: string;
  readonly driver: DriverConfig;
  readonly compression: { readonly enabled: boolean; readonly minSizeKbytes: number };
  /** Whether the file also has a separate archive of analyses, whose documents then do not belong to the ordinary one. */
  readonly hasAnalysisArchive: boolean;
  /** Whether this is that separate archive of analyses itself. */
  readonly claimsAnalysisArchive: boolean;
  /** Sentences with file, line and key about what was ignored or assumed. */
  readonly warnings: readonly string[];
  /** The section with defaults filled in; secrets are `****`. */
  readonly forDisplay: DisplayMap;
  /** The same, where what the file gives as `${NAME}` stands so. */
  readonly asWritten: DisplayMap;
}

export interface ArchiveChoice {
  /** Takes the section `analysis_archive`. */
  readonly analysisArchive?: boolean;
}

/** The keys of `services.catalog` under which an archive can stand. */
const SECTIONS = ['object_store', 'archive', 'analysis_archive'];
const SECTION_KEYS = ['compression', 'storage_driver', 'migrate_from_storage_driver'];
const STORAGE_KEYS = ['name', 'config'];

const EMPTY = (line: number): ConfigMap => ({ kind: 'map', line, entries: new Map() });

interface FoundSection {
  readonly path: string;
  readonly map: ConfigMap;
  /** The path of the driver's options, where it is not `<path>.storage_driver.config`. */
  readonly optionsPath?: string;
}

const findSection = (
  config: ConfigFile,
  catalog: ConfigMap,
  choice: ArchiveChoice,
  warnings: string[],
): FoundSection => {
  const path = 'services.catalog';
  const filled = (key: string): ConfigMap | undefined => {
    const map = findMap(config, catalog, path, key);
    return isFilled(map) ? map : undefined;
  };
  if (choice.analysisArchive) {
    const map = filled('analysis_archive');
    if (map) return { path: `${path}.analysis_archive`, map };
    const { message } = invalidValue(
      { file: config.file, line: catalog.line, path: `${path}.analysis_archive` },
      'the section of the separate analysis archive',
      'nothing',
    );
    throw new AppError('config.invalid', message, {
      remedy:
        'Leave out the option for the analysis archive: without this section analyses lie in the ordinary archive.',
    });
  }
  const current = filled('object_store');
  const older = filled('archive');
  if (current && older)
    warnings.push(
      `${config.file}:${older.line} ${path}.archive: ignored, because ${path}.object_store stands there too`,
    );
  if (current) return { path: `${path}.object_store`, map: current };
  if (older) return { path: `${path}.archive`, map: older };
  const legacy = legacySection(config, catalog, path, warnings);
  if (legacy) return { path, map: legacy, optionsPath: path };
  refuseMisspelt(catalog, SECTIONS, { file: config.file, path });
  warnings.push(
    `${config.file}:${catalog.line} ${path}: no section object_store or archive, so the default driver db is assumed`,
  );
  return { path: `${path}.object_store`, map: EMPTY(catalog.line) };
};

/** Parses the archive's section of a configuration file. Throws `config.invalid` with file, line, key, expected and found. */
export const parseArchiveConfig = (config: ConfigFile, choice: ArchiveChoice = {}): ArchiveConfig => {
  const { file, root, environment } = config;
  const warnings: string[] = [];
  const services = findMap(config, root, '', 'services');
  const catalog = services && findMap(config, services, 'services', 'catalog');
  if (!catalog) {
    const [line, path] = services ? [services.line, 'services.catalog'] : [root.line, 'services'];
    throw invalidValue({ file, line, path }, 'a mapping', 'nothing');
  }
  const section = findSection(config, catalog, choice, warnings);
  const place = { file, path: section.path };
  const storage = findMap(config, section.map, section.path, 'storage_driver') ?? EMPTY(section.map.line);
  const storagePlace = { file, path: `${section.path}.storage_driver` };
  const options = findMap(config, storage, storagePlace.path, 'config') ?? EMPTY(storage.line);
  registerSecretsOf(section.map, isSecret);
  checkVariables(section.map, place, warnings);

  refuseMisspelt(section.map, SECTION_KEYS, place);
  warnAboutUnknown(section.map, SECTION_KEYS, 'an archive', place, warnings);
  refuseMisspelt(storage, STORAGE_KEYS, storagePlace);
  warnAboutUnknown(storage, STORAGE_KEYS, 'storage_driver', storagePlace, warnings);
  const compression = parseCompression(config, section.map, section.path, warnings);
  const nameNode = storage.entries.get('name');
  const name = isFilled(nameNode) ? (nameNode.kind === 'scalar' ? nameNode.text : '') : 'db';
  const optionsPlace = { file, path: section.optionsPath ?? `${storagePlace.path}.config` };
  const driver = parseDriver(name, options, optionsPlace, environment, warnings);
  if (driver === undefined) {
    const namePath = section.optionsPath ? `${section.path}.archive_driver` : `${storagePlace.path}.name`;
    throw invalidValue(
      { file, line: nameNode?.line ?? storage.line, path: namePath },
      `one of ${CONFIGURABLE_DRIVERS.join(', ')}`,
      describeNode(nameNode),
    );
  }
  warnAboutRelative(driver, options, optionsPlace, warnings);
  const display = (asWritten: boolean): DisplayMap =>
    displaySection(section.map, driver.name, compression, displayValue(options, isSecret, asWritten) as DisplayMap);
  return {
    file,
    sectionPath: section.path,
    driver,
    compression,
    hasAnalysisArchive: isFilled(catalog.entries.get('analysis_archive')),
    claimsAnalysisArchive: choice.analysisArchive ?? false,
    warnings,
    forDisplay: display(false),
    asWritten: display(true),
  };
};

/** A relative folder is another one for each program that starts elsewhere. */
const warnAboutRelative = (
  driver: DriverConfig,
  options: ConfigMap,
  place: { readonly file: string; readonly path: string },
  warnings: string[],
): void => {
  if (driver.name !== 'localfs' || isAbsolute(driver.options.archiveDataDir)) return;
  const folder = driver.options.archiveDataDir;
  const line = options.entries.get('archive_data_dir')?.line ?? options.line;
  warnings.push(
    `${place.file}:${line} ${place.path}.archive_data_dir: ${JSON.stringify(folder)} is relative: here it means ${resolve(folder)}, ` +
      'to services that start in another folder it means another one',
  );
};

/** In the order of the file, as the original prints it; what the file leaves out comes first. */
const displaySection = (
  map: ConfigMap,
  name: ConfigurableDriver,
  compression: ArchiveConfig['compression'],
  options: DisplayMap,
): DisplayMap => {
  const parts: Record<string, DisplayMap> = {
    compression: { enabled: compression.enabled, min_size_kbytes: compression.minSizeKbytes },
    storage_driver: { name, config: options },
  };
  const order = [...map.entries.keys()].filter((key) => key in parts);
  const missing = Object.keys(parts).filter((key) => !order.includes(key));
  return Object.fromEntries([...missing, ...order].map((key) => [key, parts[key] ?? {}]));
};

/** Reads the archive that a configuration file names. Throws `config.unreadable` and `config.invalid`. */
export const readArchiveConfig = async (
  file: string,
  environment: Environment,
  choice: ArchiveChoice = {},
): Promise<ArchiveConfig> => parseArchiveConfig(await readConfigFile(file, environment), choice);
