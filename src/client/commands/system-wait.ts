import { AppError, isAppError } from '../../core/errors.ts';
import { systemSchema } from '../answers.ts';
import type { Command } from '../context.ts';
import { pause } from '../http/retry.ts';

export interface WaitOptions {
  /** Negative: for ever. */
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** The services of which at least one each has to be up. */
  readonly services: readonly string[];
  readonly feeds: readonly string[];
}

/** They do not get right by waiting. */
const isFinal = (error: unknown): boolean =>
  isAppError(error, 'interrupted', 'request.unauthorized', 'request.forbidden', 'service.tls', 'config.unreadable');

/** Returns when the service lets the user in and all that it needs is up. Exit 2 where that takes too long. */
export const systemWait =
  ({ timeoutMs, intervalMs, services, feeds }: WaitOptions): Command =>
  async ({ service, say, signal }) => {
    const startedMs = performance.now();
    const leftMs = (): number => (timeoutMs < 0 ? Infinity : timeoutMs - (performance.now() - startedMs));

    /** `attempt` says what is still missing. */
    const poll = async (what: string, attempt: () => Promise<string | undefined>): Promise<void> => {
      for (;;) {
        const missing = await attempt().catch((error: unknown) => {
          if (!isAppError(error) || isFinal(error)) throw error;
          return error.message;
        });
        if (missing === undefined) return say(`${what}: Success.`);
        const left = leftMs();
        if (left <= 0)
          throw new AppError(
            'service.timeout',
            `timed out after ${timeoutMs / 1000} seconds; the last check: ${missing}`,
            {
              remedy: 'See the log of the service, or wait longer with --timeout.',
            },
          );
        say(`${what}: ${missing}`);
        await pause(Math.min(intervalMs, left), signal);
      }
    };

    say(`Waiting for ${service.url}${timeoutMs < 0 ? '' : `, at most ${timeoutMs / 1000} s`}`);
    await poll('API availability', async () => {
      await service.checkAccess();
      return undefined;
    });
    await poll('Service availability', async () => {
      const { value } = await service.getAs('/system', systemSchema);
      const up = new Set(
        value.service_states.filter((state) => state.service_detail?.up === true).map((state) => state.servicename),
      );
      const missing = services.filter((name) => !up.has(name));
      return missing.length === 0 ? undefined : `not up yet: ${missing.join(', ')}`;
    });
    if (feeds.length > 0) say(`Feed sync: this service has no feeds; ${feeds.join(', ')} not waited for.`);
    return 0;
  };
