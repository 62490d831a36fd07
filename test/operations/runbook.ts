import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from '../support/source-files.ts';

export const readRunbook = (): Promise<string> => readFile(join(REPOSITORY, 'docs/operations.md'), 'utf8');

/** The grey boxes of a language (`sh`, or none at all), also those that are indented below a list's item. */
export const findBoxes = (page: string, language: 'sh' | ''): readonly string[] =>
  [...page.matchAll(/^( *)```([a-z]*)\n([\s\S]*?)^\1```$/gm)]
    .filter(([, , name]) => name === language)
    .map(([, indent = '', , text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));

/** The tool's commands that stand in no box of the other test: within the text, or in a box without a language. */
export const findOtherCommands = (page: string): readonly string[] => {
  const text = page.replaceAll(/^( *)```[a-z]*\n[\s\S]*?^\1```$/gm, '');
  const inText = [...text.matchAll(/`(mover [^`]+)`/g)].map(([, command = '']) => command);
  const lines = findBoxes(page, '').flatMap((box) => box.split('\n'));
  return [...inText, ...lines.filter((line) => line.startsWith('mover '))];
};

/** A configuration of the service and of the tool; `driver` is YAML flow text. */
export const configOf = (
  databaseUrl: string,
  driver: string,
): string => `default_admin_password: a-password-for-the-test
services:
  apiext: {enabled: true}
  catalog:
    enabled: true
    archive:
      compression: {enabled: false, min_size_kbytes: 100}
      storage_driver: ${driver}
credentials:
  database: {db_connect: '${databaseUrl}', db_connect_args: {}}
`;
