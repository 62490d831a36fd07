import { flag, wholeNumber } from '../core/driver-section.ts';
import { type ConfigFile, describeNode, findMap, invalidValue } from './config-file.ts';
import { warnAboutUnknown } from './driver-config.ts';
import { optionInput } from './section-values.ts';
import type { ConfigMap } from './yaml-tree.ts';

const OPTIONS = {
  enabled: { schema: flag(false), expected: 'true or false' },
  min_size_kbytes: { schema: wholeNumber('a whole number of kilobytes'), expected: 'a whole number of kilobytes' },
};

/** `compression` of an archive's section: off, and from 100 KB, where the file does not say otherwise. */
export const parseCompression = (
  config: ConfigFile,
  section: ConfigMap,
  sectionPath: string,
  warnings: string[],
): { readonly enabled: boolean; readonly minSizeKbytes: number } => {
  const map = findMap(config, section, sectionPath, 'compression');
  const place = { file: config.file, path: `${sectionPath}.compression` };
  if (map !== undefined) warnAboutUnknown(map, Object.keys(OPTIONS), 'compression', place, warnings);
  const read = <Value>(
    key: keyof typeof OPTIONS,
    parse: (input: unknown) => { success: true; data: Value } | { success: false },
    byDefault: Value,
  ): Value => {
    const node = map?.entries.get(key);
    const input = node && optionInput(node);
    if (node === undefined || input === undefined || input === '') return byDefault;
    const result = parse(input);
    if (result.success) return result.data;
    throw invalidValue(
      { file: place.file, line: node.line, path: `${place.path}.${key}` },
      OPTIONS[key].expected,
      describeNode(node),
    );
  };
  return {
    enabled: read('enabled', (input) => OPTIONS.enabled.schema.safeParse(input), false),
    minSizeKbytes: read('min_size_kbytes', (input) => OPTIONS.min_size_kbytes.schema.safeParse(input), 100),
  };
};
