import type { DescribedCommand, DescribedOption, ValueKind } from '../describe-program.ts';
import { firstSentence, functionName, listPlaces, listPositions, listValuedOptions, type Place } from './places.ts';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const valueFlags = (kind: ValueKind | undefined): string => {
  switch (kind?.type) {
    case undefined:
      return '';
    case 'path':
      return ' -r -F';
    case 'choice':
      return ` -x -a ${quoted(kind.choices.join(' '))}`;
    case 'text':
      return ' -x';
  }
};

const optionLine = (start: string, option: DescribedOption): string => {
  const names = option.names.map((name) => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`));
  return `${start}${names.join('')}${valueFlags(option.value)} -d ${quoted(firstSentence(option.text))}`;
};

const linesOf = (program: DescribedCommand, place: Place): readonly string[] => {
  const { path, command, options } = place;
  const at = (...positions: readonly number[]): string =>
    `complete -c ${program.name} -n ${quoted([`_${functionName(program)}_at`, path === '' ? '/' : path, ...positions].join(' '))}`;
  return [
    ...command.commands.map((inner) => `${at(0)} -a ${inner.name} -d ${quoted(firstSentence(inner.text))}`),
    ...listPositions(place).flatMap(([position, value]) => {
      if (value.type === 'path') return [`${at(position)} -F`];
      return value.type === 'choice' ? [`${at(position)} -a ${quoted(value.choices.join(' '))}`] : [];
    }),
    ...options.map((option) => optionLine(at(), option)),
  ];
};

/** Completion for fish 3 and newer. */
export const renderFish = (program: DescribedCommand): string => {
  const places = listPlaces(program);
  return `# Completion of ${program.name} for fish. To have it in every shell:
#   ${program.name} completion fish >~/.config/fish/completions/${program.name}.fish
function _${functionName(program)}_at -d 'Whether the cursor is behind this command, and at one of these arguments of it'
    set -l node
    set -l position 0
    set -l expects
    for word in (commandline -opc)[2..-1]
        if test -n "$expects"
            set expects
            continue
        end
        switch $word
            case '--*=*'
                continue
            case ${[...listValuedOptions(places).keys()].join(' ')}
                set expects $word
                continue
            case '-*'
                continue
        end
        switch "$node/$word"
            case ${places
              .slice(1)
              .map(({ path }) => path)
              .join(' ')}
                set node "$node/$word"
                set position 0
            case '*'
                set position (math $position + 1)
        end
    end
    test -n "$node"; or set node /
    test "$node" = $argv[1]; or return 1
    test (count $argv) -eq 1; or contains -- $position $argv[2..-1]
end
complete -c ${program.name} -f
${places.flatMap((place) => linesOf(program, place)).join('\n')}
`;
};
