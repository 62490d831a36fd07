import type { DescribedCommand, DescribedOption } from '../command-line/describe-program.ts';
import { EXIT_TEXTS } from '../command-line/exit-texts.ts';

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
    ...command.arguments.map(({ name }) => `\\fI${escapeText(name)}\\fR`),
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

/** Each variable that a command reads of its environment. */
const VARIABLES: readonly (readonly [name: string, text: string])[] = [
  ['ANCHORE_DB_CONNECT', 'The database URL, where no option names one.'],
  [
    'PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE, ...',
    "libpq's own variables, for what the database URL leaves out.",
  ],
  ['AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ...', 'The credentials of an S3 store with iamauto.'],
];

/**
 * The manual page in the language of man(7), from the same declarations as `--help`. Of groups that take the same commands
 * only the first is written out.
 */
export const renderManPage = (program: DescribedCommand, version: string): string => {
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  const [group] = groups;
  const single = program.commands.filter(({ commands }) => commands.length === 0);
  const entry = ([name, text]: readonly [string, string]): string => `.TP\n${bold(name)}\n${escapeText(text)}`;
  return `${[
    `.TH ${quoteHeading(program.name)} 1 "" "${escapeText(`${program.name} ${version}`)}" "User Commands"`,
    section('name', `${escapeText(program.name)} \\- ${escapeText(program.text.replace(/\.$/, ''))}`),
    section(
      'synopsis',
      bold(program.name),
      `{${groups.map(({ name }) => bold(name)).join('|')}}`,
      '\\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]',
    ),
    section('groups', ...groups.map(({ name, text }) => entry([name, text]))),
    section(
      'options',
      'They stand before or after the command.',
      ...[...program.options, ...(group?.options.filter(isOwn) ?? [])].map(renderOption),
    ),
    section(
      'commands',
      ...(group?.commands.map((command) => renderCommand([group.name], command)) ?? []),
      ...single.map((command) => renderCommand([], command)),
    ),
    section('exit status', ...Object.entries(EXIT_TEXTS).map(entry)),
    section('environment', ...VARIABLES.map(entry)),
  ].join('\n')}\n`;
};
