import type { DescribedCommand, ValueKind } from '../describe-program.ts';
import { functionName, groupBy, listPlaces, listPositions, listValuedOptions, type Place } from './places.ts';

const words = (list: readonly string[]): string => list.join(' ');

/** The word `reply` of the function below: what may stand here. */
const replyOf = (kind: ValueKind): string => {
  switch (kind.type) {
    case 'path':
      return 'path';
    case 'choice':
      return `words:${words(kind.choices)}`;
    case 'text':
      return 'nothing';
  }
};

const caseLines = (entries: readonly (readonly [pattern: string, reply: string])[]): string =>
  groupBy(entries, ([, reply]) => reply)
    .map((group) => `      ${group.map(([pattern]) => pattern).join('|')}) reply='${group[0]?.[1] ?? ''}' ;;`)
    .join('\n');

const argumentEntries = (place: Place): readonly (readonly [string, string])[] => [
  ...(place.command.commands.length > 0
    ? [[`'${place.path}:0'`, `words:${words(place.command.commands.map(({ name }) => name))}`] as const]
    : []),
  ...listPositions(place).map(([position, value]) => [`'${place.path}:${position}'`, replyOf(value)] as const),
];

/**
 * Completion for bash 4 and newer, which needs no other package. It reads the line itself, since bash takes words apart at
 * `=` and `:`, which stand in options and in database URLs.
 */
export const renderBash = (program: DescribedCommand): string => {
  const places = listPlaces(program);
  const valued = [...listValuedOptions(places)].map(([name, kind]) => [name, replyOf(kind)] as const);
  const options = places.map(
    (place) => [`'${place.path}'`, `words:${words(place.options.flatMap(({ names }) => names))}`] as const,
  );
  return `# Completion of ${program.name} for bash. To have it in every shell, put this into ~/.bashrc:
#   source <(${program.name} completion bash)
${functionName(program)}() {
  local line="\${COMP_LINE:0:COMP_POINT}" current="" node="" expects="" reply="nothing" word
  local -i position=0
  local -a typed=()
  read -a typed <<<"$line"
  if [[ "$line" != *[[:space:]] ]]; then
    current="\${typed[-1]}"
    unset 'typed[-1]'
  fi
  for word in "\${typed[@]:1}"; do
    if [[ -n "$expects" ]]; then expects=""; continue; fi
    case "$word" in
      --*=*) continue ;;
      ${valued.map(([name]) => name).join('|')}) expects="$word"; continue ;;
      -*) continue ;;
    esac
    case "$node/$word" in
      ${places
        .slice(1)
        .map(({ path }) => path)
        .join('|')}) node="$node/$word"; position=0 ;;
      *) position+=1 ;;
    esac
  done
  if [[ -z "$expects" && "$current" == --*=* ]]; then
    expects="\${current%%=*}"
    current="\${current#*=}"
  fi
  if [[ -n "$expects" ]]; then
    case "$expects" in
${caseLines(valued)}
    esac
  elif [[ "$current" == -* ]]; then
    case "$node" in
${caseLines(options)}
    esac
  else
    case "$node:$position" in
${caseLines(places.flatMap(argumentEntries))}
    esac
  fi
  COMPREPLY=()
  case "$reply" in
    path)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    words:*) mapfile -t COMPREPLY < <(compgen -W "\${reply#words:}" -- "$current") ;;
  esac
}
complete -F ${functionName(program)} ${program.name}
`;
};
