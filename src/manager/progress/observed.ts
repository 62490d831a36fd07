import { type RunOptions, parseRunOptions } from './run-options.ts';
import type { Command, CommandContext, CommandInput } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';
import { PLACES } from '../places.ts';
import { createRunMetrics } from './metrics.ts';
import { startMetricsServer } from './metrics-server.ts';
import { finishEnvironment, runOnFinish } from './on-finish.ts';
import { RunObserver } from './run-observer.ts';

/** What a command that works on a migration is given. */
export interface ObservedContext extends CommandContext {
  readonly observer: RunObserver;
}

export type ObservedCommand = (context: ObservedContext, input: CommandInput) => Promise<ExitCode>;

/** A command that works on a migration, with all that can be watched of it: `--metrics-port`, `--on-finish`, the live view. */
export const observed =
  (name: string, command: ObservedCommand): Command =>
  async (context, input) => {
    const options = parseRunOptions(input);
    const observer = new RunObserver(context, name, options);
    if (options.onFinish !== undefined) announceEnd(context, name, observer, options.onFinish);
    if (options.metrics !== undefined) await serveMetrics(context, observer, options.metrics);
    return await command({ ...context, observer }, input);
  };

const announceEnd = (context: CommandContext, name: string, observer: RunObserver, onFinish: string): void => {
  const log = context.log.at(PLACES.migration);
  context.atEnd((exit) =>
    runOnFinish(onFinish, finishEnvironment(context.environment, name, exit, observer.view), log),
  );
};

const serveMetrics = async (
  context: CommandContext,
  observer: RunObserver,
  { host, port }: NonNullable<RunOptions['metrics']>,
): Promise<void> => {
  const metrics = await createRunMetrics(() => observer.view, observer.activity, context.toolVersion);
  const server = await startMetricsServer(metrics, host, port);
  context.log.at(PLACES.migration).info(`Metrics for Prometheus: ${server.url}`);
  context.atEnd(async () => server[Symbol.dispose]());
};
