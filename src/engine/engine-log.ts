import { pino, type Logger } from 'pino';
import type { Log } from '../core/log.ts';
import { redact } from '../core/secrets.ts';

export type { Logger } from 'pino';

/** Lines of JSON, of which no registered secret is ever part. */
export const createLogger = (write: (line: string) => void, level: 'debug' | 'info' | 'silent'): Logger =>
  pino(
    { level, base: { service: 'anchore-engine' }, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => write(redact(line)) },
  );

/** The same as a log of the lower layers. */
export const asLog = (logger: Logger): Log => ({
  debug: (text) => logger.debug(text),
  info: (text) => logger.info(text),
  warn: (text) => logger.warn(text),
  error: (text) => logger.error(text),
  at: () => asLog(logger),
});
