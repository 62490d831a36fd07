import { globSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isTest, REPOSITORY, type SourceFile } from './source-files.ts';

/** Folders of `src/drivers` that hold one driver each. The others there (wrappers, what several drivers share) are common. */
const CONCRETE_DRIVERS = globSync('src/drivers/*/driver.ts', { cwd: REPOSITORY }).map((file) =>
  basename(dirname(file)),
);

/** What each driver's part of a configuration may hold, for whoever reads one. */
const SECTIONS = 'src/drivers/sections.ts';

const DRIVERS_IN_DATABASE = ['db', 'db2'];

/** What each layer may import beside itself: whole layers, or single files. The map of it is in ARCHITECTURE.md. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ['core'],
  database: ['core'],
  drivers: ['core'],
  archive: ['core', 'database', 'src/drivers/contract.ts'],
  stores: ['core', 'config', 'database', 'drivers', 'archive'],
  migration: ['core', 'database', 'archive', 'src/drivers/contract.ts'],
  manager: ['core', 'config', 'database', 'drivers', 'archive', 'stores', 'migration'],
  engine: ['core', 'config', 'database', 'drivers', 'archive', 'stores', 'migration'],
  client: ['core'],
};

const layerOf = (path: string): string => path.split('/')[1] ?? '';

/** `drivers/s3/driver.ts` -> `s3`; a file that lies in `drivers` itself has none. */
const driverFolderOf = (path: string): string | undefined => {
  const parts = path.split('/');
  return parts[1] === 'drivers' && parts.length > 3 ? parts[2] : undefined;
};

const isConcrete = (folder: string | undefined): folder is string =>
  folder !== undefined && CONCRETE_DRIVERS.includes(folder);

const mayImportDriver = (from: string, to: string): boolean => {
  if (from === 'src/drivers/registry.ts') return true;
  if (from === SECTIONS) return !isConcrete(driverFolderOf(to)) || to.endsWith('/config.ts');
  const [own, other] = [driverFolderOf(from), driverFolderOf(to)];
  if (isConcrete(own)) return own === other || !isConcrete(other);
  return !isConcrete(other);
};

const mayImport = (from: string, to: string): boolean => {
  if (!to.startsWith('src/') || isTest(to)) return false;
  const [own, other] = [layerOf(from), layerOf(to)];
  if (own === 'drivers' && other === 'drivers') return mayImportDriver(from, to);
  if (other === 'drivers' && isConcrete(driverFolderOf(to))) return own === 'config' && to.endsWith('/config.ts');
  if (own === 'drivers' && other === 'database') {
    const folder = driverFolderOf(from);
    return folder === undefined
      ? from === 'src/drivers/registry.ts'
      : !isConcrete(folder) || DRIVERS_IN_DATABASE.includes(folder);
  }
  if (own === 'config' && (to === 'src/drivers/contract.ts' || to === SECTIONS)) return true;
  return own === other || (LAYERS[own] ?? []).some((allowed) => allowed === other || allowed === to);
};

/** Sentences about each import that the rule of layers forbids. Tests beside a file may import what they test with. */
export const findForbiddenImports = (files: readonly SourceFile[]): string[] =>
  files
    .filter(({ path }) => !isTest(path))
    .flatMap(({ path, imports }) => [
      ...(layerOf(path) in LAYERS ? [] : [`${path} lies in no layer`]),
      ...imports.filter((to) => !mayImport(path, to)).map((to) => `${path} must not import ${to}`),
    ]);

/** Each cycle of imports once, as the paths along it. */
export const findImportCycles = (files: readonly SourceFile[]): string[] => {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const next of importsOf.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return cycles;
};
