import { AppError } from '../../core/errors.ts';
import type { ControlChange } from '../../migration/control-store.ts';
import type { CommandInput } from '../context.ts';
import { checkReportFile } from '../report/write-report.ts';

/** What the options of a command say of how its run is limited and watched. */
export interface RunOptions {
  readonly limits: ControlChange;
  /** What documents may take in memory at once; undefined: the default. */
  readonly memoryBytes: number | undefined;
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** A command for /bin/sh. */
  readonly onFinish: string | undefined;
  /** The file of a report; its name says in which form. */
  readonly reportFile: string | undefined;
}

export const parseRunOptions = (input: CommandInput): RunOptions => {
  const port = input.value('metricsPort');
  const reportFile = input.value('report');
  const memory = input.value('memory');
  if (reportFile !== undefined) checkReportFile(reportFile);
  return {
    limits: parseLimits(input),
    memoryBytes: memory === undefined ? undefined : parseMemory(memory),
    metrics: port === undefined ? undefined : { host: input.value('metricsHost') ?? '127.0.0.1', port: Number(port) },
    onFinish: input.value('onFinish'),
    reportFile,
  };
};

/** The limits that options name; `none` takes one away. Throws `usage.invalid`. */
export const parseLimits = (input: CommandInput): ControlChange => {
  const bandwidth = input.value('bandwidth');
  const requests = input.value('requestsPerSecond');
  const concurrency = input.value('concurrency');
  return {
    ...(bandwidth !== undefined && { bandwidthBytesPerSecond: parseOrNone(bandwidth, parseBandwidth) }),
    ...(requests !== undefined && { requestsPerSecond: parseOrNone(requests, parseRequests) }),
    ...(concurrency !== undefined && { concurrency: parseOrNone(concurrency, parseConcurrency) }),
  };
};

const parseOrNone = (text: string, parse: (text: string) => number): number | null =>
  text.toLowerCase() === 'none' ? null : parse(text);

const UNITS: Readonly<Record<string, number>> = { '': 1, 'k': 2 ** 10, 'm': 2 ** 20, 'g': 2 ** 30 };

/** `500k`, `10M`, `1.5 GiB`, in powers of 1024; NaN where it is nothing like that. */
const parseBytes = (text: string): number => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text) ?? [];
  return Math.round(Number(number) * (UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN));
};

/** With less than this, one large document after the other would pass. */
export const LEAST_MEMORY_BYTES = 16 * 2 ** 20;

const parseMemory = (text: string): number => {
  const bytes = parseBytes(text);
  if (bytes >= LEAST_MEMORY_BYTES) return bytes;
  throw invalid('--memory', text, 'a size from 16M, such as 64M or 1G');
};

/** Bytes a second: a size, with or without `/s`. */
const parseBandwidth = (text: string): number => {
  const bytes = parseBytes(text.replace(/\/s$/i, ''));
  if (bytes >= 1024) return bytes;
  throw invalid('--bandwidth', text, 'bytes a second from 1k, such as 500k, 10M or 1.5G, or none');
};

const parseRequests = (text: string): number => {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0) return value;
  throw invalid('--requests-per-second', text, 'a number above 0, or none');
};

const parseConcurrency = (text: string): number => {
  const value = Number(text);
  if (/^\d{1,6}$/.test(text) && value >= 1) return value;
  throw invalid('--concurrency', text, 'a whole number from 1, or none');
};

const invalid = (option: string, text: string, expected: string): AppError =>
  new AppError('usage.invalid', `${option}: expected ${expected}; got ${JSON.stringify(text)}`);
