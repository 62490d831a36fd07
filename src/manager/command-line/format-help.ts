import { type Command, Help } from 'commander';

/** The options of the groups around a command, by name alone: what they do is told once, by the help of the group. */
const formatOuterOptions = (command: Command, helper: Help): string => {
  const group = command.parent;
  if (group?.parent == null) return '';
  const flags = [group, group.parent].flatMap((outer) =>
    helper.visibleOptions(outer).filter(({ long }) => long !== '--help' && long !== '--version'),
  );
  const list = helper.boxWrap(flags.map((option) => option.flags.replaceAll(' ', '\u00A0')).join('  '), 76);
  const title = `Options of every command (see ${group.parent.name()} ${group.name()} --help):`;
  return `\n${title}\n  ${list.replaceAll('\n', '\n  ').replaceAll('\u00A0', ' ')}\n`;
};

/**
 * Commander's help. A group explains the options that all of its commands take; each command then only names them, so that
 * its own can be found.
 */
export const formatHelp = (command: Command, helper: Help): string => {
  const isGroup = command.commands.length > 0;
  helper.showGlobalOptions = isGroup;
  const text = Help.prototype.formatHelp.call(helper, command, helper);
  return isGroup ? text : text + formatOuterOptions(command, helper);
};
