import { readFile, writeFile } from 'node:fs/promises';

const README = new URL('../../README.md', import.meta.url);
const BEGIN = '<!-- Made by `npm run guide -- --write`: begin -->';
const END = '<!-- end -->';

const split = (text: string): readonly [before: string, between: string, after: string] => {
  const [before, rest, ...more] = text.split(BEGIN);
  const [between, after, ...others] = (rest ?? '').split(END);
  if (before === undefined || between === undefined || after === undefined || more.length + others.length > 0)
    throw new Error(`README.md needs one ${BEGIN} and, after it, one ${END}`);
  return [before, between, after];
};

export const writeReadme = async (transcript: string): Promise<void> => {
  const [before, , after] = split(await readFile(README, 'utf8'));
  await writeFile(README, `${before}${BEGIN}\n\n${transcript}\n\n${END}${after}`);
};

/** The first lines that differ from what README shows; undefined where none does. */
export const findDifference = async (transcript: string): Promise<string | undefined> => {
  const [, shown] = split(await readFile(README, 'utf8'));
  if (shown.trim() === transcript) return undefined;
  const [old, made] = [shown.trim().split('\n'), transcript.split('\n')];
  const at = made.findIndex((line, index) => line !== old[index]);
  const line = at < 0 ? made.length : at;
  return `line ${line + 1} of the transcript\n- ${old[line] ?? '(nothing)'}\n+ ${made[line] ?? '(nothing)'}`;
};
