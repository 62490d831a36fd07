import { redact } from './secrets.ts';
import { visibleLines } from './visible-text.ts';

export type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** Writes lines for a person, in the form of the operator's guide: `[MainThread] [place] [LEVEL] text`. */
export interface Log {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  /** The same log, whose lines name another place. */
  at(place: string): Log;
}

export interface LogOptions {
  readonly write: (line: string, level: Level) => void;
  readonly debug: boolean;
  readonly place?: string;
}

/** No secret that was registered reaches a line, and nothing that moves the cursor of a terminal: names come from outside. */
export const createLog = (options: LogOptions): Log => {
  const place = options.place ?? 'anchore_manager';
  const line = (level: Level, text: string): void =>
    options.write(`[MainThread] [${place}] [${level}] ${visibleLines(redact(text))}\n`, level);
  return {
    debug: (text) => (options.debug ? line('DEBUG', text) : undefined),
    info: (text) => line('INFO', text),
    warn: (text) => line('WARN', text),
    error: (text) => line('ERROR', text),
    at: (other) => createLog({ ...options, place: other }),
  };
};

/** A log that nobody reads. */
export const silentLog: Log = createLog({ write: () => undefined, debug: false });
