import type { Command as Commander } from 'commander';
import type { CommandInput, GroupOptions } from '../context.ts';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

export const groupOptionsOf = (options: Readonly<Record<string, unknown>>): GroupOptions => ({
  dbConnect: textOf(options['dbConnect']),
  dbConnectFile: textOf(options['dbConnectFile']),
  configFile: textOf(options['configfile']),
  dbUseSsl: options['dbUseSsl'] === true,
  dbRetries: numberOf(options['dbRetries']),
  dbTimeoutSeconds: numberOf(options['dbTimeout']),
  dbConnectTimeoutSeconds: numberOf(options['dbConnectTimeout']),
});

export const inputOf = (command: Commander): CommandInput => {
  const options: Readonly<Record<string, unknown>> = command.opts();
  return {
    argument: (index) => command.args[index] ?? '',
    flag: (name) => options[name] === true,
    list: (name) => {
      const value = options[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    value: (name) => {
      const value = options[name];
      return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
    },
  };
};
