import type { DescribedCommand, DescribedOption } from './describe-program.ts';

/** Names with what they mean, as a manual page lists them. */
export type Explained = readonly (readonly [name: string, text: string])[];

/** What a manual page says beside the declarations of the command line. */
export interface ManualNotes {
  readonly exits: Explained;
  /** Variables that the program reads of its environment. */
  readonly variables: Explained;
}

/** Text as roff prints it, in short lines: none is a request, and a hyphen stays one that can be copied. */
const escapeText = (text: string): string =>
  text
    .replaceAll(/(.{1,70})(?: |$)/g, '$1\n')
    .trimEnd()
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^(?=[.'])/gm, '\\&');

const bold = (text: string): string => `\\fB${escapeText(text)}\\fR`;

const quoteHeading = (text: string): string => `"${escapeText(text.toUpperCase()).replaceAll('"', '\\(dq')}"`;

const section = (title: string, ...lines: readonly string[]): string =>
  [`.SH ${quoteHeading(title)}`, ...lines].join('\n');

/** `--db-connect <url>`: the name bold, the value in italics. */
const renderFlags = (flags: string): string =>
  flags
    .split(/(<[^>]+>)/)
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('<') ? `\\fI${escapeText(part.slice(1, -1))}\\fR` : bold(part)))
    .join(' ');

const renderOption = ({ flags, text, value }: DescribedOption): string => {
  const choices = value?.type === 'choice' ? ` One of: ${value.choices.join(', ')}.` : '';
  return `.TP\n${renderFlags(flags)}\n${escapeText(text + choices)}`;
};

const isOwn = ({ names }: DescribedOption): boolean => !names.includes('--help');

const renderCommand = (path: readonly string[], command: DescribedCommand): string => {
  const usage = [
    bold([...path, command.name].join(' ')),
    ...(command.options.some(isOwn) ? ['[\\fIoptions\\fR]'] : []),
    ...command.arguments.map(({ name, repeated }) => `\\fI${escapeText(name)}\\fR${repeated ? ' ...' : ''}`),
  ];
  const choices = command.arguments.flatMap(({ name, value }) =>
    value.type === 'choice'
      ? [`.PP\n\\fI${escapeText(name)}\\fR is one of: ${escapeText(value.choices.join(', '))}.`]
      : [],
  );
  return [
    `.SS ${usage.join(' ')}`,
    escapeText(command.text),
    ...choices,
    ...command.options.filter(isOwn).map(renderOption),
  ].join('\n');
};

/** Groups with the same commands under several names are one; the first name stands for it. */
const distinctGroups = (groups: readonly DescribedCommand[]): readonly DescribedCommand[] =>
  [...Map.groupBy(groups, ({ commands }) => commands.map(({ name }) => name).join(' ')).values()].flatMap(
    ([first]) => first ?? [],
  );

/** The manual page in the language of man(7), from the same declarations as `--help`. */
export const renderManPage = (program: DescribedCommand, version: string, notes: ManualNotes): string => {
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  const distinct = distinctGroups(groups);
  const single = program.commands.filter(({ commands }) => commands.length === 0);
  const entry = ([name, text]: readonly [string, string]): string => `.TP\n${bold(name)}\n${escapeText(text)}`;
  const groupOptions = distinct.flatMap(({ options }) => options.filter(isOwn));
  return `${[
    `.TH ${quoteHeading(program.name)} 1 "" "${escapeText(`${program.name} ${version}`)}" "User Commands"`,
    section('name', `${escapeText(program.name)} \\- ${escapeText(program.text.replace(/\.$/, ''))}`),
    section(
      'synopsis',
      bold(program.name),
      ...(groups.length === 0 ? [] : [`{${groups.map(({ name }) => bold(name)).join('|')}}`]),
      '\\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]',
    ),
    ...(groups.length === 0 ? [] : [section('groups', ...groups.map(({ name, text }) => entry([name, text])))]),
    section(
      'options',
      ...(groups.length === 0 ? [] : ['They stand before or after the command.']),
      ...[...program.options, ...groupOptions].map(renderOption),
    ),
    section(
      'commands',
      ...distinct.flatMap((group) => group.commands.map((command) => renderCommand([group.name], command))),
      ...single.map((command) => renderCommand([], command)),
    ),
    section('exit status', ...notes.exits.map(entry)),
    ...(notes.variables.length === 0 ? [] : [section('environment', ...notes.variables.map(entry))]),
  ].join('\n')}\n`;
};
