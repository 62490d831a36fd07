import type { DescribedCommand, DescribedOption, ValueKind } from '../describe-program.ts';

/** A command with what can be typed behind it; its path is `/archivestorage/migrate`, that of the program itself is ''. */
export interface Place {
  readonly path: string;
  readonly command: DescribedCommand;
  /** Its own, and those of the groups around it. */
  readonly options: readonly DescribedOption[];
}

export const listPlaces = (
  command: DescribedCommand,
  path = '',
  outer: readonly DescribedOption[] = [],
): readonly Place[] => {
  const options = [...command.options, ...outer.filter((option) => !isAmong(option, command.options))];
  return [
    { path, command, options },
    ...command.commands.flatMap((inner) => listPlaces(inner, `${path}/${inner.name}`, options)),
  ];
};

const isAmong = (option: DescribedOption, others: readonly DescribedOption[]): boolean =>
  others.some((other) => other.names.some((name) => option.names.includes(name)));

/** A word that can be repeated is completed so often. */
const REPEATED = 16;

/** What can be typed at each place behind a command, counted from 0. */
export const listPositions = ({ command }: Place): readonly (readonly [position: number, value: ValueKind])[] =>
  command.arguments.flatMap(({ value, repeated }, index) =>
    Array.from({ length: repeated ? REPEATED : 1 }, (_, more) => [index + more, value] as const),
  );

/** The name of a shell's function for a program, which holds no hyphen. */
export const functionName = (program: DescribedCommand): string => `_${program.name.replaceAll('-', '_')}`;

/** Names of options with what their values are. One name means one thing in the whole program, which a test holds. */
export const listValuedOptions = (places: readonly Place[]): ReadonlyMap<string, ValueKind> =>
  new Map(
    places.flatMap(({ options }) =>
      options.flatMap(({ names, value }) => (value === undefined ? [] : names.map((name) => [name, value] as const))),
    ),
  );

/** Groups what is the same, so that a script says it once. */
export const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] => [
  ...Map.groupBy(items, keyOf).values(),
];

/** The first sentence, which is what fits beside a completion. */
export const firstSentence = (text: string): string => /^.*?[.;:](?= |$)/.exec(text)?.[0].slice(0, -1) ?? text;
