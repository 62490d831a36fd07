import { redact } from './secrets.ts';

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

/** Every text passes through `redact`: a secret that was registered never reaches a line. */
export const createLog = (options: LogOptions): Log => {
  const place = options.place ?? 'anchore_manager';
  const line = (level: Level, text: string): void =>
    options.write(`[MainThread] [${place}] [${level}] ${redact(text)}\n`, level);
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
