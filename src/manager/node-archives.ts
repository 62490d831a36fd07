import { isDeepStrictEqual } from 'node:util';
import { type ArchiveConfig, parseArchiveConfig } from '../config/archive-section.ts';
import { type ConfigFile, findMap } from '../config/config-file.ts';
import type { DisplayValue } from '../config/section-values.ts';
import type { ConfigMap, ConfigNode } from '../config/yaml-tree.ts';

/** One archive as one node's file has it. */
export interface NodeArchive {
  readonly file: ConfigFile;
  readonly config: ArchiveConfig;
}

/** A value that two files do not have in common. */
export interface Difference {
  /** `services.catalog.object_store.storage_driver.config.bucket` */
  readonly path: string;
  readonly own: PlacedValue;
  readonly other: PlacedValue;
}

interface PlacedValue {
  readonly file: string;
  readonly line: number;
  /** undefined where the file does not set it; a secret is `****`. */
  readonly value: DisplayValue | undefined;
}

/** Files in whose archive nothing differs. */
export interface AlikeArchives {
  readonly members: readonly [NodeArchive, ...NodeArchive[]];
  /** From the group with the most files, the first one where several have as many; empty for that one itself. */
  readonly differences: readonly Difference[];
}

/** The archives of a node's file: the ordinary one, and that of analyses where it has a section of its own. None without a catalog. */
export const readNodeArchives = (file: ConfigFile): readonly NodeArchive[] => {
  const services = findMap(file, file.root, '', 'services');
  if (services === undefined || findMap(file, services, 'services', 'catalog') === undefined) return [];
  const config = parseArchiveConfig(file);
  const ordinary = { file, config };
  if (!config.hasAnalysisArchive) return [ordinary];
  return [ordinary, { file, config: parseArchiveConfig(file, { analysisArchive: true }) }];
};

const isAlike = ({ config: one }: NodeArchive, { config: other }: NodeArchive): boolean =>
  one.hasAnalysisArchive === other.hasAnalysisArchive &&
  isDeepStrictEqual(one.driver, other.driver) &&
  isDeepStrictEqual(one.compression, other.compression);

interface Leaf {
  readonly line: number;
  /** What stands there, a secret too: compared, never shown. */
  readonly text: string;
  readonly shown: DisplayValue | undefined;
}

/** Leaves of what is shown, for a section of before 0.2.4, whose keys have other names and places. */
const flattenShown = (shown: DisplayValue, line: number, path: string, leaves: Map<string, Leaf>): void => {
  if (typeof shown === 'object' && shown !== null && !Array.isArray(shown))
    for (const [key, child] of Object.entries(shown as Record<string, DisplayValue>))
      flattenShown(child, line, path === '' ? key : `${path}.${key}`, leaves);
  else leaves.set(path, { line, text: JSON.stringify(shown), shown });
};

const flatten = (node: ConfigNode, shown: DisplayValue | undefined, path: string, leaves: Map<string, Leaf>): void => {
  if (node.kind === 'map') {
    for (const [key, child] of node.entries) {
      const inner =
        typeof shown === 'object' && shown !== null && !Array.isArray(shown) ? Reflect.get(shown, key) : undefined;
      flatten(child, inner as DisplayValue | undefined, path === '' ? key : `${path}.${key}`, leaves);
    }
  } else leaves.set(path, { line: node.line, text: JSON.stringify(node, ['kind', 'text', 'items']), shown });
};

const sectionOf = ({ file, config }: NodeArchive): ConfigMap | undefined =>
  config.sectionPath
    .split('.')
    .reduce<ConfigMap | undefined>(
      (map, key) => (map?.entries.get(key)?.kind === 'map' ? findMap(file, map, '', key) : undefined),
      file.root,
    );

/** What holds without being written. */
const effective = ({ config }: NodeArchive): readonly [string, DisplayValue | undefined][] => {
  const compression = config.forDisplay['compression'];
  return [
    ['storage_driver.name', config.driver.name],
    ...Object.entries(typeof compression === 'object' && compression !== null ? compression : {}).map(
      ([key, value]): [string, DisplayValue] => [`compression.${key}`, value as DisplayValue],
    ),
  ];
};

const leavesOf = (archive: NodeArchive): { readonly leaves: ReadonlyMap<string, Leaf>; readonly line: number } => {
  const section = sectionOf(archive);
  const leaves = new Map<string, Leaf>();
  const line = section?.line ?? archive.file.root.line;
  if (archive.config.sectionPath === 'services.catalog') flattenShown(archive.config.forDisplay, line, '', leaves);
  else if (section !== undefined) flatten(section, archive.config.forDisplay, '', leaves);
  for (const [path, value] of effective(archive)) {
    if (!leaves.has(path)) leaves.set(path, { line, text: `default ${JSON.stringify(value)}`, shown: value });
  }
  return { leaves, line };
};

/** A default that one file writes out and the other leaves out is no difference. */
const sameText = (one: Leaf | undefined, other: Leaf | undefined): boolean =>
  one?.text === other?.text ||
  (one !== undefined && other !== undefined && one.shown === other.shown && !isHidden(one));

const isHidden = ({ shown }: Leaf): boolean => JSON.stringify(shown ?? null).includes('****');

const findDifferences = (own: NodeArchive, other: NodeArchive): readonly Difference[] => {
  const [one, two] = [leavesOf(own), leavesOf(other)];
  const placed = ({ file }: NodeArchive, line: number, leaf: Leaf | undefined): PlacedValue => ({
    file: file.file,
    line: leaf?.line ?? line,
    value: leaf === undefined ? undefined : (leaf.shown ?? '****'),
  });
  const differences = [...new Set([...two.leaves.keys(), ...one.leaves.keys()])].flatMap((path): Difference[] => {
    const [mine, its] = [one.leaves.get(path), two.leaves.get(path)];
    if (sameText(mine, its)) return [];
    // Options of two drivers have nothing to do with each other.
    if (own.config.driver.name !== other.config.driver.name && path.startsWith('storage_driver.config')) return [];
    const at = `${(mine === undefined ? other : own).config.sectionPath}.${path}`;
    return [{ path: at, own: placed(own, one.line, mine), other: placed(other, two.line, its) }];
  });
  if (own.config.hasAnalysisArchive === other.config.hasAnalysisArchive) return differences;
  const analyses = (archive: NodeArchive, line: number): PlacedValue => ({
    file: archive.file.file,
    line,
    value: archive.config.hasAnalysisArchive ? 'a section' : undefined,
  });
  const path = 'services.catalog.analysis_archive';
  return [...differences, { path, own: analyses(own, one.line), other: analyses(other, two.line) }];
};

/** Puts files together whose archive is the same, the most frequent first, and says how the others differ from that one. */
export const groupAlike = (archives: readonly NodeArchive[]): readonly AlikeArchives[] => {
  const groups: [NodeArchive, ...NodeArchive[]][] = [];
  for (const archive of archives) {
    const group = groups.find(([first]) => isAlike(first, archive));
    if (group === undefined) groups.push([archive]);
    else group.push(archive);
  }
  const [most] = groups.toSorted((one, other) => other.length - one.length);
  return groups
    .toSorted((one, other) => other.length - one.length)
    .map((members) => ({
      members,
      differences: most === undefined || members === most ? [] : findDifferences(members[0], most[0]),
    }));
};
