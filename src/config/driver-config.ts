import { AppError } from '../core/errors.ts';
import type { DriverSection, OptionInput } from '../core/driver-section.ts';
import { type ConfigurableDriver, type DriverConfig, isConfigurable, SECTIONS } from '../drivers/sections.ts';
import { describeNode, invalidValue, isFilled } from './config-file.ts';
import type { Environment } from './environment.ts';
import { nearest } from './nearest-word.ts';
import { isSecretOption, optionInputs } from './section-values.ts';
import type { ConfigMap } from './yaml-tree.ts';

/** A section of a file, for errors and warnings about it. */
export interface Place {
  readonly file: string;
  readonly path: string;
}

/** Parses a driver's options; `place` is that of the section, `map` the section. */
const parseOptions = <Name extends ConfigurableDriver, Options>(
  section: DriverSection<Name, Options>,
  map: ConfigMap,
  place: Place,
  environment: Environment,
  warnings: string[],
): { readonly name: Name; readonly options: Options } => {
  const inputs: Record<string, OptionInput> = optionInputs(map);
  for (const [option, variable] of Object.entries(section.environment)) {
    const value = environment[variable];
    if (inputs[option] === undefined && value) inputs[option] = value;
  }
  warnAboutUnknown(map, section.keys, `the ${section.driver} driver`, place, warnings);
  const result = section.schema.safeParse(inputs);
  if (result.success) return { name: section.driver, options: result.data };
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).map(String);
  const node = path.reduce<ReturnType<ConfigMap['entries']['get']>>(
    (parent, key) => (parent?.kind === 'map' ? parent.entries.get(key) : undefined),
    map,
  );
  if (node === undefined) refuseMisspelt(map, section.keys, place);
  const secret = path.some((key) => isSecretOption(key, section.secretKeys)) && isFilled(node);
  const at = { file: place.file, line: node?.line ?? map.line, path: [place.path, ...path].join('.') };
  throw invalidValue(at, issue?.message ?? 'another value', secret ? 'a value that is not shown' : describeNode(node));
};

/** Names the keys of a section that nobody reads. */
export const warnAboutUnknown = (
  map: ConfigMap,
  known: readonly string[],
  what: string,
  place: Place,
  warnings: string[],
): void => {
  for (const [key, node] of map.entries) {
    if (known.includes(key)) continue;
    const suggestion = nearest(key, known);
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
    warnings.push(`${place.file}:${node.line} ${place.path}.${key}: not an option of ${what}, so it is ignored${hint}`);
  }
};

/**
 * Refuses a key that is all but one that counts and is not there: ignoring it would take a default in its place, and with it
 * perhaps another store. Throws `config.invalid`.
 */
export const refuseMisspelt = (map: ConfigMap, known: readonly string[], place: Place): void => {
  for (const [key, node] of map.entries) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    if (meant === undefined || map.entries.has(meant)) continue;
    throw new AppError(
      'config.invalid',
      `${place.file}:${node.line} ${place.path}.${key}: there is no such key; did you mean ${meant}?`,
    );
  }
};

/** The typed options of the driver with this name; undefined where there is no such driver. Throws `config.invalid`. */
export const parseDriver = (
  name: string,
  map: ConfigMap,
  place: Place,
  environment: Environment,
  warnings: string[],
): DriverConfig | undefined => {
  if (!isConfigurable(name)) return undefined;
  const parsed = parseOptions<ConfigurableDriver, unknown>(SECTIONS[name], map, place, environment, warnings);
  // The section of a name gives the options of that name: `SECTIONS` is typed so.
  return parsed as DriverConfig;
};

const SECRET_KEYS = Object.values(SECTIONS).flatMap((section) => section.secretKeys);

/** Whether the option of any driver with this name is a secret. */
export const isSecret = (name: string): boolean => isSecretOption(name, SECRET_KEYS);
