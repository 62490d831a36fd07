import { type ConfigFile, isFilled } from './config-file.ts';
import type { ConfigMap, ConfigNode } from './yaml-tree.ts';

const scalar = (line: number, value: string): ConfigNode => ({
  kind: 'scalar',
  line,
  value,
  text: value,
  reference: undefined,
  unset: [],
});

const mapOf = (line: number, entries: readonly (readonly [string, ConfigNode])[]): ConfigMap => ({
  kind: 'map',
  line,
  entries: new Map(entries),
});

/**
 * The form before 0.2.4, put into today's: `archive_driver: localfs | db`, `archive_data_dir`, and `use_db`, which wins.
 * Without `archive_driver`, an explicit `use_db: false` beside `archive_data_dir` means that folder. undefined where none of
 * them stands there.
 */
export const legacySection = (
  config: ConfigFile,
  catalog: ConfigMap,
  path: string,
  warnings: string[],
): ConfigMap | undefined => {
  const named = catalog.entries.get('archive_driver');
  const useDb = catalog.entries.get('use_db');
  const folder = catalog.entries.get('archive_data_dir');
  const meansFolder = useDb?.kind === 'scalar' && useDb.value !== null && !isFilled(useDb) && isFilled(folder);
  const hasName = named?.kind === 'scalar' && typeof named.value === 'string' && named.value !== '';
  const source = hasName ? named : meansFolder || isFilled(useDb) ? useDb : undefined;
  if (source === undefined) return undefined;
  const name = isFilled(useDb) ? scalar(useDb.line, 'db') : hasName ? named : scalar(source.line, 'localfs');
  const isLocalfs = name.kind === 'scalar' && name.value === 'localfs';
  warnings.push(
    `${config.file}:${source.line} ${path}: the form before 0.2.4 (archive_driver, archive_data_dir, use_db); write a section object_store instead`,
  );
  const options = mapOf(source.line, isLocalfs && folder !== undefined ? [['archive_data_dir', folder]] : []);
  return mapOf(source.line, [
    [
      'storage_driver',
      mapOf(source.line, [
        ['name', name],
        ['config', options],
      ]),
    ],
  ]);
};
