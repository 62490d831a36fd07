import { RUN_PHASES } from '../../migration/run-store.ts';
import { RateMeter } from './rate.ts';
import type { RunView } from './run-state.ts';
import type { StoreActivity, StoreRole } from './store-activity.ts';

/** What Prometheus is given of a run: a text, and its content type. */
export interface RunMetrics {
  render(): Promise<{ readonly text: string; readonly contentType: string }>;
}

const ROLES: readonly StoreRole[] = ['source', 'destination'];

/** Counters that a run itself keeps: they are taken over as they are when somebody looks. */
const RUN_FIGURES = [
  ['documents_planned', 'Documents that the run had, or still has, to copy', (v: RunView) => v.progress.planned],
  ['bytes_planned', 'Their bytes at the source, as far as rows tell', (v: RunView) => v.progress.plannedBytes],
  ['documents_copied_total', 'Documents copied', (v: RunView) => v.progress.documents],
  ['bytes_copied_total', 'Their bytes at the source', (v: RunView) => v.progress.bytes],
  ['documents_failed_total', 'Documents that failed', (v: RunView) => v.progress.failures],
  ['documents_switched_total', 'Documents whose rows were switched', (v: RunView) => v.progress.switched],
  ['documents_to_clean', 'Documents to delete from the source', (v: RunView) => v.progress.toClean],
  ['documents_cleaned_total', 'Documents deleted from the source', (v: RunView) => v.progress.cleaned],
  ['switch_seconds', 'How long the switch held the archive', (v: RunView) => v.progress.switchSeconds ?? 0],
  ['elapsed_seconds', 'Time since the run began', (v: RunView) => v.elapsedSeconds],
  ['paused_seconds_total', 'Time that the run was paused', (v: RunView) => v.progress.pausedSeconds],
  ['paused', '1 while the run is held by pause', (v: RunView) => (v.progress.hold === 'none' ? 0 : 1)],
] as const;

/** Loads the library only here: no other command pays for it. A registry of its own, so that nothing is global. */
export const createRunMetrics = async (
  look: () => RunView | undefined,
  activity: StoreActivity,
  version: string,
): Promise<RunMetrics> => {
  const { Counter, Gauge, Registry, collectDefaultMetrics } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  const prefix = 'anchore_migration_';
  collectDefaultMetrics({ register: registry });
  const meter = new RateMeter();

  /** A counter where the name ends as those of counters do, else a gauge; filled anew each time somebody looks. */
  const labelled = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    fill: (set: (labels: Readonly<Record<Label, string>>, value: number) => void) => void,
  ): void => {
    const Metric = name.endsWith('_total') ? Counter<Label> : Gauge<Label>;
    new Metric({
      name: `${prefix}${name}`,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        fill((labels, value) => this.inc(labels, value));
      },
    });
  };

  for (const [name, help, value] of RUN_FIGURES) {
    labelled(name, help, [], (set) => {
      const view = look();
      set({}, view === undefined ? 0 : value(view));
    });
  }
  labelled('info', 'Which migration runs', ['migration', 'command', 'from', 'to', 'version'], (set) => {
    const identity = look()?.identity;
    if (identity === undefined) return;
    const { migrationId, command, from, to } = identity;
    set({ migration: String(migrationId), command, from, to, version }, 1);
  });
  labelled('phase', '1 for what the run does just now', ['phase'], (set) => {
    const current = look()?.progress.phase ?? 'preparing';
    for (const phase of RUN_PHASES) set({ phase }, phase === current ? 1 : 0);
  });
  labelled('seconds_left', 'Until the phase is done; nothing where nobody can tell', ['phase'], (set) => {
    const view = look();
    const left = view && meter.measure(view).secondsLeft;
    if (view !== undefined && left !== undefined) set({ phase: view.progress.phase }, left);
  });
  labelled('requests_in_flight', 'Requests to a store under way', ['store'], (set) => {
    for (const store of ROLES) set({ store }, activity.drivers.get(store)?.running ?? 0);
  });
  labelled('retries_total', 'Requests that were sent again', ['store'], (set) => {
    for (const store of ROLES) set({ store }, activity.retriesOf(store));
  });
  labelled('requests_total', 'Requests to a store', ['store', 'operation'], (set) => {
    for (const [store, driver] of activity.drivers)
      for (const [operation, { calls }] of driver.measures) set({ store, operation }, calls);
  });
  labelled('request_seconds_total', 'How long requests took in all', ['store', 'operation'], (set) => {
    for (const [store, driver] of activity.drivers)
      for (const [operation, { totalMs }] of driver.measures) set({ store, operation }, totalMs / 1000);
  });
  labelled('request_bytes_total', 'Payload that requests carried', ['store', 'operation'], (set) => {
    for (const [store, driver] of activity.drivers)
      for (const [operation, { bytes }] of driver.measures) set({ store, operation }, bytes);
  });
  labelled('request_failures_total', 'Requests that failed', ['store', 'operation', 'code'], (set) => {
    for (const [store, driver] of activity.drivers)
      for (const [operation, { failures }] of driver.measures)
        for (const [code, count] of Object.entries(failures)) set({ store, operation, code }, count);
  });
  return { render: async () => ({ text: await registry.metrics(), contentType: registry.contentType }) };
};
