import { readFile } from 'node:fs/promises';
import { AppError } from '../core/errors.ts';
import { type Environment, parseEnvironmentFile } from './environment.ts';
import { type ConfigMap, type ConfigNode, parseYamlTree } from './yaml-tree.ts';

/** A configuration file, parsed, of which each command reads the section that it needs. */
export interface ConfigFile {
  /** The path as the person gave it. */
  readonly file: string;
  readonly root: ConfigMap;
  readonly environment: Environment;
}

const readText = async (file: string, what: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reason =
      { ENOENT: 'does not exist', EACCES: 'may not be read', EISDIR: 'is a folder' }[code] ??
      `cannot be read (${code})`;
    throw new AppError('config.unreadable', `${what} ${file} ${reason}.`, { cause });
  }
};

/** Parses the text of a configuration file. Throws `config.invalid` with file and line. */
export const parseConfigFile = (file: string, text: string, environment: Environment): ConfigFile => {
  const root = parseYamlTree(file, text, environment);
  if (root.kind !== 'map')
    throw new AppError(
      'config.invalid',
      `${file}:${root.line}: expected a mapping with services; got ${describeNode(root)}`,
    );
  return { file, root, environment };
};

/**
 * Reads a configuration file with the environment put in; where ANCHORE_ENV_FILE names a file that exists, its variables
 * too. Throws `config.unreadable` and `config.invalid`.
 */
export const readConfigFile = async (file: string, environment: Environment): Promise<ConfigFile> => {
  const text = await readText(file, 'The configuration file');
  const extra = environment['ANCHORE_ENV_FILE'];
  const more = extra
    ? await readText(extra, 'The file of ANCHORE_ENV_FILE').then(parseEnvironmentFile, ignoreMissing)
    : {};
  return parseConfigFile(file, text, { ...more, ...environment });
};

/** The original takes a file of variables that does not exist for an empty one. */
const ignoreMissing = (error: unknown): Environment => {
  const cause = error instanceof AppError ? error.cause : undefined;
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
  throw error;
};

/** What stands in a node, for an error message. */
export const describeNode = (node: ConfigNode | undefined): string => {
  if (node === undefined) return 'nothing';
  if (node.kind === 'map') return 'a mapping';
  if (node.kind === 'list') return 'a list';
  if (node.value === null) return 'nothing';
  return typeof node.value === 'string' ? JSON.stringify(node.value) : node.text;
};

/** `FILE:LINE KEYPATH: expected ...; got ...` */
export const invalidValue = (
  place: { file: string; line: number; path: string },
  expected: string,
  got: string,
): AppError =>
  new AppError('config.invalid', `${place.file}:${place.line} ${place.path}: expected ${expected}; got ${got}`);

/** Whether a node holds something: Python's truth of what YAML gives. */
export const isFilled = (node: ConfigNode | undefined): node is ConfigNode => {
  if (node === undefined) return false;
  if (node.kind === 'map') return node.entries.size > 0;
  if (node.kind === 'list') return node.items.length > 0;
  return node.value !== null && node.value !== '' && node.value !== false && node.value !== 0;
};

/** The mapping at a key, or undefined where the key is missing or holds nothing. Throws where something else stands there. */
export const findMap = (
  config: { file: string },
  parent: ConfigMap,
  path: string,
  key: string,
): ConfigMap | undefined => {
  const node = parent.entries.get(key);
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return undefined;
  if (node.kind === 'map') return node;
  throw invalidValue(
    { file: config.file, line: node.line, path: path === '' ? key : `${path}.${key}` },
    'a mapping',
    describeNode(node),
  );
};
