import type { Command } from 'commander';

const findCommand = (parent: Command, name: string): Command | undefined =>
  parent.commands.find((command) => command.name() === name);

/** The words that name commands, as far as they do: `['archivestorage', 'migrate']`. */
const namedBy = (program: Command, words: readonly string[]): readonly Command[] => {
  const named: Command[] = [];
  for (const word of words) {
    const found = findCommand(named.at(-1) ?? program, word);
    if (found !== undefined) named.push(found);
  }
  return named;
};

/** What to do about a command line that cannot be understood: where its help is, or the group that was left out. */
export const usageRemedy = (program: Command, words: readonly string[]): string => {
  const named = namedBy(program, words);
  if (named.length === 0) {
    const group = program.commands.find((candidate) =>
      words.some((word) => findCommand(candidate, word) !== undefined),
    );
    const word = group && words.find((each) => findCommand(group, each) !== undefined);
    if (group !== undefined && word !== undefined)
      return `Name its group first: ${program.name()} ${group.name()} ${word}.`;
  }
  return `See: ${[program, ...named].map((command) => command.name()).join(' ')} --help`;
};
