import type { OptionInput } from '../core/driver-section.ts';
import { AppError } from '../core/errors.ts';
import { maskPassword, passwordOf } from '../core/mask-url.ts';
import { REDACTED, registerSecret } from '../core/secrets.ts';
import { invalidValue } from './config-file.ts';
import type { ConfigMap, ConfigNode } from './yaml-tree.ts';

/** A value as it is shown to a person; secrets are already `****`. */
export type DisplayValue = string | number | boolean | null | readonly DisplayValue[] | DisplayMap;
export interface DisplayMap {
  readonly [key: string]: DisplayValue;
}

/** Names of options that hold secrets, where a driver does not say so itself. */
const SECRET_NAME = /pass|secret|token|credential|private|(^|_)key$|apikey/i;
const NOT_SECRET = new Set(['access_key', 'os_key', 'os_application_credential_id', 'os_application_credential_name']);

export const isSecretOption = (name: string, secretKeys: readonly string[]): boolean =>
  secretKeys.includes(name) || (SECRET_NAME.test(name) && !NOT_SECRET.has(name));

/** A node as a section's schema takes it; undefined where nothing stands there. */
export const optionInput = (node: ConfigNode): OptionInput | undefined => {
  if (node.kind === 'list') return node.items.map((item) => optionInput(item) ?? '');
  if (node.kind === 'map') return optionInputs(node);
  if (node.value === null) return undefined;
  return typeof node.value === 'boolean' ? node.value : node.text;
};

export const optionInputs = (map: ConfigMap): Record<string, OptionInput> => {
  const inputs: Record<string, OptionInput> = {};
  for (const [key, node] of map.entries) {
    const input = optionInput(node);
    if (input !== undefined) inputs[key] = input;
  }
  return inputs;
};

/** Registers every secret inside a node, so that no log line can ever hold it. The name of a variable that is not set is none. */
export const registerSecretsOf = (node: ConfigNode, secret: (name: string) => boolean, name = ''): void => {
  if (node.kind === 'map')
    for (const [key, child] of node.entries) registerSecretsOf(child, (k) => secret(k) || secret(name), key);
  else if (node.kind === 'list') for (const item of node.items) registerSecretsOf(item, secret, name);
  else if (node.unset.length > 0 && node.reference !== undefined) return;
  else if (secret(name)) registerSecret(node.text);
  else registerSecret(passwordOf(node.text) ?? '');
};

/**
 * A node as people are shown it. `asWritten`: a value that the file gives as `${NAME}` is shown so, which also says where a
 * secret comes from without telling it.
 */
export const displayValue = (
  node: ConfigNode,
  secret: (name: string) => boolean,
  asWritten: boolean,
  name = '',
): DisplayValue => {
  if (node.kind === 'list') return node.items.map((item) => displayValue(item, secret, asWritten, name));
  if (node.kind === 'map') {
    const inner = (key: string): boolean => secret(key) || secret(name);
    return Object.fromEntries(
      [...node.entries].map(([key, child]) => [key, displayValue(child, inner, asWritten, key)]),
    );
  }
  if (asWritten && node.reference !== undefined) return node.reference;
  if (secret(name)) return node.value === null || node.value === '' ? node.value : REDACTED;
  if (typeof node.value === 'number') return node.text === String(node.value) ? node.value : node.text;
  return typeof node.value === 'string' ? maskPassword(node.value) : node.value;
};

/**
 * Looks for variables that were named and are not set. Names that begin with ANCHORE are an error, as in the original;
 * others, which the original leaves as they stand, give a warning.
 */
export const checkVariables = (node: ConfigNode, place: { file: string; path: string }, warnings: string[]): void => {
  if (node.kind === 'list') for (const item of node.items) checkVariables(item, place, warnings);
  if (node.kind === 'map')
    for (const [key, child] of node.entries)
      checkVariables(child, { file: place.file, path: `${place.path}.${key}` }, warnings);
  if (node.kind !== 'scalar') return;
  for (const name of node.unset) {
    if (name.startsWith('ANCHORE')) throw unsetVariable({ ...place, line: node.line }, name);
    warnings.push(
      `${place.file}:${node.line} ${place.path}: the environment variable ${name} is not set, so \${${name}} is kept as it stands`,
    );
  }
};

const unsetVariable = (place: { file: string; line: number; path: string }, name: string): AppError => {
  const { message } = invalidValue(place, `the environment variable ${name} to be set`, 'none of that name');
  return new AppError('config.invalid', message, {
    remedy: `Set ${name} in the environment, or write its value in the file.`,
  });
};
