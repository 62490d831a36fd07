import type { Argument, Command, Option } from 'commander';

/** What can be typed where a value stands: a path of the file system, one of a few words, or anything else. */
export type ValueKind =
  | { readonly type: 'path' }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'text' };

export interface DescribedOption {
  /** `-h` and `--help`, without a value. */
  readonly names: readonly string[];
  /** As help shows them: `--db-connect <url>`. */
  readonly flags: string;
  readonly text: string;
  /** undefined where it takes none. */
  readonly value: ValueKind | undefined;
}

export interface DescribedArgument {
  readonly name: string;
  /** It can be given several times. */
  readonly repeated: boolean;
  readonly value: ValueKind;
}

/** One command of the command line, as it was declared: what `--help`, the manual page and completion are made of. */
export interface DescribedCommand {
  readonly name: string;
  readonly text: string;
  readonly arguments: readonly DescribedArgument[];
  readonly options: readonly DescribedOption[];
  readonly commands: readonly DescribedCommand[];
}

/** Values with these names are paths. */
const PATH_NAMES: ReadonlySet<string> = new Set(['config', 'configfile', 'file', 'folder', 'from', 'to']);

const kindOf = (name: string, choices: readonly string[] | undefined): ValueKind => {
  if (choices !== undefined) return { type: 'choice', choices };
  return { type: PATH_NAMES.has(name) ? 'path' : 'text' };
};

const describeOption = (option: Option): DescribedOption => {
  const valueName = /[<[]([^>\].]+)/.exec(option.flags)?.[1];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    flags: option.flags,
    text: option.description,
    value: valueName === undefined ? undefined : kindOf(valueName, option.argChoices),
  };
};

const describeArgument = (argument: Argument): DescribedArgument => ({
  name: argument.name(),
  repeated: argument.variadic,
  value: kindOf(argument.name(), argument.argChoices),
});

/** The command line as data. */
export const describeProgram = (command: Command): DescribedCommand => ({
  name: command.name(),
  text: command.description(),
  arguments: command.registeredArguments.map(describeArgument),
  options: command.createHelp().visibleOptions(command).map(describeOption),
  commands: command.commands.map(describeProgram),
});
