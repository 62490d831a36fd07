import type { Log } from '../core/log.ts';
import type { ProgressEvent } from '../migration/run.ts';
import { readableBytes } from '../core/readable-bytes.ts';

/** How often a long step says how far it is. */
const INTERVAL_MS = 10_000;

/**
 * Turns the events of a run into a line now and then, so that someone who watches sees that it lives and when it may be
 * done. `now` in milliseconds.
 */
export const createProgressLog = (log: Log, now: () => number): ((event: ProgressEvent) => void) => {
  let planned = 0;
  let copied = 0;
  let bytes = 0;
  let cleaned = 0;
  let startedMs = now();
  let saidMs = startedMs;
  const isDue = (): boolean => {
    if (now() - saidMs < INTERVAL_MS) return false;
    saidMs = now();
    return true;
  };
  const sayCopied = (): void => {
    const perSecond = copied / Math.max(1, (now() - startedMs) / 1000);
    const left = Math.max(0, planned - copied);
    log.info(
      `Copied ${copied} of ${planned} documents, ${readableBytes(bytes)}, ${perSecond.toFixed(0)} documents/s, ` +
        `about ${Math.ceil(left / Math.max(perSecond, 0.01) / 60)} min left`,
    );
  };
  return (event) => {
    switch (event.type) {
      case 'planned':
        planned = copied + event.documents;
        if (copied === 0) startedMs = now();
        return;
      case 'copied':
        copied += event.documents;
        bytes += event.bytes;
        if (isDue()) sayCopied();
        return;
      case 'cleaned':
        cleaned += event.documents;
        if (isDue()) log.info(`Cleaned ${cleaned} documents from the source`);
        return;
      case 'started':
      case 'phase':
      case 'to-clean':
      case 'failed':
      case 'switched':
        return;
    }
  };
};
