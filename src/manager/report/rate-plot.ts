import { html, type Html, NOTHING } from './html.ts';
import type { RatePoint } from './measured-work.ts';
import { readablePeriod } from './render-text.ts';

/** The plot is drawn in these units and stretched to its place; labels stand beside it as text, which is not stretched. */
const WIDTH = 1000;
const HEIGHT = 200;
/** More steps than that cannot be told apart. */
const MAX_STEPS = 250;

interface Step {
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** The mean over equal parts of the time, where there are more points than can be shown. */
const stepsOf = (points: readonly RatePoint[], valueOf: (point: RatePoint) => number): readonly Step[] => {
  const total = points.at(-1)?.toSeconds ?? 0;
  if (points.length <= MAX_STEPS)
    return points.map((point) => ({ from: point.fromSeconds, to: point.toSeconds, value: valueOf(point) }));
  const width = total / MAX_STEPS;
  const sums = Array.from({ length: MAX_STEPS }, () => 0);
  for (const point of points) {
    const first = Math.floor(point.fromSeconds / width);
    for (let index = first; index < MAX_STEPS && index * width < point.toSeconds; index += 1) {
      const shared = Math.min(point.toSeconds, (index + 1) * width) - Math.max(point.fromSeconds, index * width);
      sums[index] = (sums[index] ?? 0) + Math.max(0, shared) * valueOf(point);
    }
  }
  return sums.map((sum, index) => ({ from: index * width, to: (index + 1) * width, value: sum / width }));
};

/** The next round number in the unit that the value is shown in: thousands, or powers of 1024. */
const roundUp = (value: number, base: number): number => {
  const unit = value < 1 ? 1 : base ** Math.floor(Math.log(value) / Math.log(base));
  const power = 10 ** Math.floor(Math.log10(value / unit));
  return unit * power * ([1, 1.5, 2, 3, 5, 7.5].find((factor) => factor * power * unit >= value) ?? 10);
};

export interface Plot {
  readonly id: string;
  readonly title: string;
  readonly valueOf: (point: RatePoint) => number;
  readonly format: (value: number) => string;
  /** What its units are powers of. */
  readonly base: 1000 | 1024;
}

/** One quantity over the time of work, as a figure with its description in words. `starts`: when later runs began. */
export const renderPlot = (points: readonly RatePoint[], starts: readonly number[], plot: Plot): Html => {
  const total = points.at(-1)?.toSeconds ?? 0;
  const steps = stepsOf(points, plot.valueOf);
  const most = Math.max(0, ...steps.map(({ value }) => value));
  if (total === 0 || most === 0) return NOTHING;
  const top = roundUp(most, plot.base);
  const x = (seconds: number): string => ((seconds / total) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
  const line = steps.map(({ from, to, value }) => `L${x(from)} ${y(value)}L${x(to)} ${y(value)}`).join('');
  const mean = steps.reduce((sum, { from, to, value }) => sum + (to - from) * value, 0) / total;
  const caption = `at most ${plot.format(most)}`;
  const description = `Over ${readablePeriod(total)} of work, ${caption} and ${plot.format(mean)} on average.`;
  return html`<figure class="plot">
    <figcaption>${plot.title}: ${caption}</figcaption>
    <div class="axes">
      <div class="up" aria-hidden="true">
        <span>${plot.format(top)}</span><span>${plot.format(top / 2)}</span><span>0</span>
      </div>
      <svg
        viewBox="0 0 ${WIDTH} ${HEIGHT}"
        preserveAspectRatio="none"
        role="img"
        aria-labelledby="${plot.id}-title ${plot.id}-text"
      >
        <title id="${plot.id}-title">${plot.title} over time</title>
        <desc id="${plot.id}-text">${description}</desc>
        <path class="grid" d="M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}" />
        <path class="area" d="M0 ${HEIGHT}${line}L${WIDTH} ${HEIGHT}Z" />
        <path class="line" d="${line.replace('L', 'M')}" />
        ${starts.map((start) => html`<path class="start" d="M${x(start)} 0V${HEIGHT}" />`)}
      </svg>
      <div class="along" aria-hidden="true">
        <span>0</span><span>${readablePeriod(total / 2)}</span><span>${readablePeriod(total)}</span>
      </div>
    </div>
  </figure>`;
};
