import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { AppError } from '../core/errors.ts';
import { type Environment, expandEnvironment, type UnsetVariable } from './environment.ts';

/** One node of a parsed file, with the line (from 1) on which it stands in the file as it was written. */
export type ConfigNode = ConfigMap | ConfigList | ConfigScalar;

export interface ConfigMap {
  readonly kind: 'map';
  readonly line: number;
  /** By key, in the order of the file; a later key replaces an earlier one, and a merged (`<<`) one never replaces one that stands there. */
  readonly entries: ReadonlyMap<string, ConfigNode>;
}

export interface ConfigList {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly ConfigNode[];
}

export interface ConfigScalar {
  readonly kind: 'scalar';
  readonly line: number;
  readonly value: string | number | boolean | null;
  /** The value as text: of a number, as it is written. */
  readonly text: string;
  /** As written where it consists of `${NAME}` alone, else undefined. */
  readonly reference: string | undefined;
  /** Variables that the value names and that are not set. */
  readonly unset: readonly string[];
}

/** Deeper nesting than any configuration has; stops a file that refers to itself. */
const MAX_DEPTH = 50;

/**
 * Plain words that PyYAML reads as text and the YAML library as a boolean (y, n) or a number (an exponent without a point or
 * without a sign).
 */
const isTextToPyYaml = (source: string): boolean =>
  /^[yYnN]$/.test(source) || (/^[-+]?[0-9._]+[eE][-+]?[0-9]+$/.test(source) && !/\..*[eE][-+]/.test(source));

/** In words, without the text of the file: that may hold a secret. */
const SYNTAX_ERRORS: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias (*) whose anchor exists',
  BAD_INDENT: 'consistent indentation',
  BAD_SCALAR_START: 'a value; quote text that starts with @ or `',
  BLOCK_AS_IMPLICIT_KEY: 'one key and value on the line; quote a value that holds ": "',
  MISSING_CHAR: 'a closing quote, bracket or comma, or a colon after the key',
  MULTIPLE_DOCS: 'one document only',
  MULTILINE_IMPLICIT_KEY: 'a key on one line',
  TAB_AS_INDENT: 'spaces, not tabs, as indentation',
  UNEXPECTED_TOKEN: 'valid YAML',
};

class TreeReader {
  readonly #file: string;
  readonly #lineAt: (offset: number) => number;
  readonly #unset: readonly UnsetVariable[];
  readonly #originalOffset: (offset: number) => number;
  readonly #original: string;
  readonly #anchors = new Map<string, ConfigNode>();

  constructor(options: {
    file: string;
    original: string;
    unset: readonly UnsetVariable[];
    lineAt: (offset: number) => number;
    originalOffset: (offset: number) => number;
  }) {
    this.#file = options.file;
    this.#original = options.original;
    this.#unset = options.unset;
    this.#lineAt = options.lineAt;
    this.#originalOffset = options.originalOffset;
  }

  read(node: Node | null, depth: number, fallbackLine: number): ConfigNode {
    const line = node?.range ? this.#lineAt(node.range[0]) : fallbackLine;
    if (depth > MAX_DEPTH) throw this.#syntaxError(line, 'a structure that does not contain itself');
    if (node === null) return { kind: 'scalar', line, value: null, text: '', reference: undefined, unset: [] };
    if (isAlias(node)) return this.#anchors.get(node.source) ?? this.#noAnchor(line);
    const read = this.#readOwn(node, depth, line);
    if ('anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, read);
    return read;
  }

  #readOwn(node: Node, depth: number, line: number): ConfigNode {
    if (isMap(node)) return { kind: 'map', line, entries: this.#entries(node, depth, line) };
    if (isSeq(node))
      return { kind: 'list', line, items: node.items.map((item) => this.read(item as Node | null, depth + 1, line)) };
    if (!isScalar(node)) throw this.#syntaxError(line, 'a value, a list or a mapping');
    return this.#scalar(node.value, node.source ?? '', node.type === 'PLAIN', node.range, line);
  }

  #scalar(parsed: unknown, source: string, plain: boolean, range: Node['range'], line: number): ConfigScalar {
    const start = this.#originalOffset(range?.[0] ?? 0);
    const end = this.#originalOffset(range?.[1] ?? 0);
    const written = this.#original
      .slice(start, end)
      .trim()
      .replace(/^(["'])(.*)\1$/s, '$2');
    const unset = this.#unset
      .filter((variable) => variable.offset >= start && variable.offset < end)
      .map(({ name }) => name);
    const reference = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(written) ? written : undefined;
    const value = plain && isTextToPyYaml(source) ? source : parsed;
    if (typeof value === 'boolean' || value === null || value === undefined)
      return {
        kind: 'scalar',
        line,
        value: value ?? null,
        text: value === null ? '' : String(value),
        reference,
        unset,
      };
    if (typeof value === 'number') return { kind: 'scalar', line, value, text: source, reference, unset };
    const text = typeof value === 'string' ? value : source;
    return { kind: 'scalar', line, value: text, text, reference, unset };
  }

  #entries(map: YAMLMap, depth: number, line: number): ReadonlyMap<string, ConfigNode> {
    const own = new Map<string, ConfigNode>();
    const merged = new Map<string, ConfigNode>();
    for (const pair of map.items) {
      if (!isPair(pair)) continue;
      const keyNode = pair.key as ParsedNode | null;
      const keyLine = keyNode?.range ? this.#lineAt(keyNode.range[0]) : line;
      const value = this.read(pair.value as Node | null, depth + 1, keyLine);
      const key = isScalar(keyNode) ? (keyNode.source ?? String(keyNode.value)) : '';
      if (key === '<<' && isScalar(keyNode) && keyNode.type === 'PLAIN') {
        for (const [name, node] of this.#mergeSources(value)) if (!merged.has(name)) merged.set(name, node);
      } else own.set(key, value);
    }
    for (const [name, node] of merged) if (!own.has(name)) own.set(name, node);
    return own;
  }

  #mergeSources(node: ConfigNode): readonly (readonly [string, ConfigNode])[] {
    const maps = node.kind === 'list' ? node.items : [node];
    return maps.flatMap((item) => {
      if (item.kind !== 'map') throw this.#syntaxError(item.line, 'a mapping, or a list of mappings, to merge');
      return [...item.entries];
    });
  }

  #noAnchor(line: number): never {
    throw this.#syntaxError(line, 'an alias (*) whose anchor exists');
  }

  #syntaxError(line: number, expected: string): AppError {
    return new AppError('config.invalid', `${this.#file}:${line}: expected ${expected}`);
  }
}

/**
 * Parses YAML as PyYAML does (version 1.1, merge keys, repeated keys allowed) after the environment was put in. Throws
 * `config.invalid` with file and line, never with the text that stood there.
 */
export const parseYamlTree = (file: string, original: string, environment: Environment): ConfigNode => {
  const expanded = expandEnvironment(original, environment);
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = original.indexOf('\n'); at >= 0; at = original.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  const lineAt = (offset: number): number => lines.linePos(expanded.originalOffset(offset)).line;
  const document = parseDocument(expanded.text, {
    version: '1.1',
    merge: false,
    strict: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [error] = document.errors;
  if (error !== undefined)
    throw new AppError(
      'config.invalid',
      `${file}:${lineAt(error.pos[0])}: expected ${SYNTAX_ERRORS[error.code] ?? 'valid YAML'}`,
    );
  return new TreeReader({
    file,
    original,
    unset: expanded.unset,
    lineAt,
    originalOffset: (offset) => expanded.originalOffset(offset),
  }).read(document.contents, 0, 1);
};
