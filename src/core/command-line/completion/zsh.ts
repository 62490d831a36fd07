import type { DescribedCommand, ValueKind } from '../describe-program.ts';
import { firstSentence, groupBy, listPlaces, listPositions, listValuedOptions, type Place } from './places.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Words with what they mean, for `_describe`. */
const described = (entries: readonly (readonly [word: string, text: string])[]): string =>
  entries.map(([word, text]) => quoted(`${word.replaceAll(':', '\\:')}:${firstSentence(text)}`)).join(' ');

const completionOf = (kind: ValueKind): string => {
  switch (kind.type) {
    case 'path':
      return '_files';
    case 'choice':
      return `compadd -- ${kind.choices.map(quoted).join(' ')}`;
    case 'text':
      return "_message 'a value'";
  }
};

const caseLines = (entries: readonly (readonly [pattern: string, action: string])[]): string =>
  groupBy(entries, ([, action]) => action)
    .map((group) => `      (${group.map(([pattern]) => pattern).join('|')}) ${group[0]?.[1] ?? ''} ;;`)
    .join('\n');

const optionEntry = ({ path, options }: Place): readonly [string, string] => [
  `'${path}'`,
  `offered=(${described(options.flatMap(({ names, text }) => names.map((name) => [name, text] as const)))})`,
];

const argumentEntries = (place: Place): readonly (readonly [string, string])[] => [
  ...(place.command.commands.length > 0
    ? [
        [
          `'${place.path}:0'`,
          `offered=(${described(place.command.commands.map(({ name, text }) => [name, text]))})`,
        ] as const,
      ]
    : []),
  ...listPositions(place).map(([position, value]) => [`'${place.path}:${position}'`, completionOf(value)] as const),
];

/** Completion for zsh, to be sourced after `compinit` or put into a folder of `fpath` as `_` and the name of the program. */
export const renderZsh = (program: DescribedCommand): string => {
  const places = listPlaces(program);
  const valued = [...listValuedOptions(places)];
  return `#compdef ${program.name}
# Completion of ${program.name} for zsh. To have it in every shell, put this into ~/.zshrc, after compinit:
#   source <(${program.name} completion zsh)
_${program.name}() {
  local node="" expects="" word
  local -i position=0
  local -a offered=()
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$expects" ]]; then expects=""; continue; fi
    case "$word" in
      (--*=*) continue ;;
      (${valued.map(([name]) => name).join('|')}) expects="$word"; continue ;;
      (-*) continue ;;
    esac
    case "$node/$word" in
      (${places
        .slice(1)
        .map(({ path }) => path)
        .join('|')}) node="$node/$word"; position=0 ;;
      (*) position+=1 ;;
    esac
  done
  if [[ -z "$expects" && "$PREFIX" == --*=* ]]; then
    expects="\${PREFIX%%=*}"
    compset -P '*='
  fi
  if [[ -n "$expects" ]]; then
    case "$expects" in
${caseLines(valued.map(([name, kind]) => [name, completionOf(kind)] as const))}
    esac
  elif [[ "$PREFIX" == -* ]]; then
    case "$node" in
${caseLines(places.map(optionEntry))}
    esac
    _describe -o option offered
  else
    case "$node:$position" in
${caseLines(places.flatMap(argumentEntries))}
    esac
    (( $#offered )) && _describe command offered
  fi
}
if [[ "$funcstack[1]" == _${program.name} ]]; then _${program.name} "$@"; else compdef _${program.name} ${program.name}; fi
`;
};
