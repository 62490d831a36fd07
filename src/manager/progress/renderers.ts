import type { Log } from '../../core/log.ts';
import type { Control } from '../../migration/control-store.ts';
import type { ProgressEvent } from '../../migration/run.ts';
import type { CommandContext } from '../context.ts';
import { plainLine } from './describe-run.ts';
import { drawFrame, type FrameStyle } from './frame.ts';
import { type Rate, RateMeter } from './rate.ts';
import {
  controlEvent,
  endedEvent,
  failedEvent,
  phaseEvent,
  progressEvent,
  startedEvent,
  switchedEvent,
} from './run-events.ts';
import type { RunView } from './run-state.ts';

/** One way in which a run is shown. */
export interface Renderer {
  readonly intervalMs: number;
  started(view: RunView, rate: Rate): void;
  happened(event: ProgressEvent, view: RunView): void;
  controlled(control: Control, view: RunView): void;
  /** Called at each interval, with the run as it is. */
  tick(view: RunView, rate: Rate): void;
  ended(view: RunView): void;
}

const nothing = (): void => undefined;
const SILENT: Omit<Renderer, 'intervalMs'> = {
  started: nothing,
  happened: nothing,
  controlled: nothing,
  tick: nothing,
  ended: nothing,
};

/** A line now and then, so that someone who reads a log sees that the run lives and when it may be done. */
const plainRenderer = (say: (text: string) => void): Renderer => ({
  ...SILENT,
  intervalMs: 10_000,
  tick: (view, rate) => say(plainLine(view, rate)),
});

const jsonRenderer = (write: (event: object) => void): Renderer => ({
  intervalMs: 1000,
  started: (view) => write(startedEvent(view)),
  happened: (event, view) => {
    if (event.type === 'phase') write(phaseEvent(view));
    if (event.type === 'failed') write(failedEvent(view, event));
    if (event.type === 'switched') write(switchedEvent(view, event));
  },
  controlled: (control, view) => write(controlEvent(view, control)),
  tick: (view, rate) => write(progressEvent(view, rate)),
  ended: (view) => write(endedEvent(view)),
});

const liveRenderer = ({ screen }: CommandContext, style: FrameStyle): Renderer => {
  let current: { view: RunView; rate: Rate } | undefined;
  return {
    ...SILENT,
    intervalMs: 250,
    started: (view, rate) => {
      current = { view, rate };
      screen.show((columns) => (current === undefined ? [] : drawFrame(current.view, current.rate, columns, style)));
    },
    tick: (view, rate) => {
      current = { view, rate };
      screen.refresh();
    },
    ended: () => screen.clear(),
  };
};

const styleOf = ({ environment }: CommandContext): FrameStyle => {
  // The first that is not empty counts.
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find(Boolean) ?? '';
  return { colour: !environment['NO_COLOR'], unicode: /utf-?8/i.test(locale) };
};

/**
 * How a run is shown: events on standard output with `--json`, else the live view on a terminal, else a line now and then;
 * with a log file, that line in it too. Nothing with `--quiet`.
 */
export const chooseRenderers = (context: CommandContext, log: Log): readonly Renderer[] => {
  if (context.quiet) return context.note === undefined ? [] : [plainRenderer((text) => log.info(text))];
  const { output, screen, environment } = context;
  const plain = plainRenderer((text) => log.info(text));
  if (output.json) return [jsonRenderer((event) => output.object(event)), plain];
  if (!screen.isTerminal || environment['TERM'] === 'dumb') return [plain];
  const live = liveRenderer(context, styleOf(context));
  return context.note === undefined ? [live] : [live, plain];
};

/** Shows a run through all its renderers, each at its own pace. */
export class Show implements Disposable {
  readonly #renderers: readonly Renderer[];
  readonly #look: () => RunView;
  readonly #meter = new RateMeter();
  readonly #timers: NodeJS.Timeout[] = [];

  /** `look`: the run as it is when it is called. */
  constructor(renderers: readonly Renderer[], look: () => RunView) {
    this.#renderers = renderers;
    this.#look = look;
    const view = look();
    const rate = this.#meter.measure(view);
    for (const renderer of renderers) {
      renderer.started(view, rate);
      this.#timers.push(setInterval(() => this.#tick(renderer), renderer.intervalMs).unref());
    }
  }

  happened(event: ProgressEvent): void {
    if (event.type !== 'phase' && event.type !== 'failed' && event.type !== 'switched') return;
    for (const renderer of this.#renderers) renderer.happened(event, this.#look());
  }

  controlled(control: Control): void {
    for (const renderer of this.#renderers) renderer.controlled(control, this.#look());
  }

  ended(): void {
    this[Symbol.dispose]();
    for (const renderer of this.#renderers) renderer.ended(this.#look());
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #tick(renderer: Renderer): void {
    const view = this.#look();
    renderer.tick(view, this.#meter.measure(view));
  }
}
