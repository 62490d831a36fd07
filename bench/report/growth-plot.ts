/** How long migrations of so many documents took: the median of the runs. */
export interface GrowthPoint {
  readonly documents: number;
  readonly seconds: number;
  readonly runs: number;
}

/** One line of the plot. */
export interface PlotLine {
  readonly name: string;
  readonly points: readonly GrowthPoint[];
}

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 170;
const TOP = 48;
const BOTTOM = 56;

/** Colours that hold on white and on a dark page, and differ for those who see few. */
const COLOURS = ['#0a7ab5', '#c45500', '#4b8b3b'] as const;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #999; stroke-opacity: .3 }
  .guide { stroke: #777; stroke-dasharray: 4 5; fill: none }
  .line { fill: none; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } .guide { stroke: #aaa } }`;

const decades = (least: number, most: number): readonly number[] => {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
};

const short = (value: number): string =>
  value >= 1_000_000 ? `${value / 1_000_000}M` : value >= 1_000 ? `${value / 1_000}k` : String(value);

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Seconds over documents, both logarithmic: work that grows with the number of documents is parallel to the dashed line. */
export const drawGrowth = (lines: readonly PlotLine[]): string => {
  const points = lines.flatMap((line) => line.points);
  const across = decades(
    Math.min(...points.map(({ documents }) => documents)),
    Math.max(...points.map(({ documents }) => documents)),
  );
  const up = decades(
    Math.min(...points.map(({ seconds }) => seconds)),
    Math.max(...points.map(({ seconds }) => seconds)),
  );
  const scale = (ticks: readonly number[], from: number, to: number) => {
    const [least, most] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)];
    return (value: number): number => from + ((Math.log10(value) - least) / (most - least || 1)) * (to - from);
  };
  const x = scale(across, LEFT, WIDTH - RIGHT);
  const y = scale(up, HEIGHT - BOTTOM, TOP);
  const at = (documents: number, seconds: number): string => `${x(documents).toFixed(1)},${y(seconds).toFixed(1)}`;
  const grid = [
    ...across.map(
      (tick) =>
        `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>` +
        `<text x="${x(tick)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${short(tick)}</text>`,
    ),
    ...up.map(
      (tick) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/>` +
        `<text x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${tick} s</text>`,
    ),
  ];
  const drawn = lines.map(({ name, points: own }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? COLOURS[0];
    const last = own.at(-1);
    const dots = own.map(({ documents, seconds }) => {
      const [cx = '', cy = ''] = at(documents, seconds).split(',');
      return `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`;
    });
    const label =
      last === undefined
        ? ''
        : `<text x="${x(last.documents) + 12}" y="${y(last.seconds) + 4}" style="fill: ${colour}">${escape(name)}, ${last.seconds.toFixed(last.seconds < 10 ? 1 : 0)} s</text>`;
    const way = own.map(({ documents, seconds }) => at(documents, seconds)).join(' ');
    return `<polyline class="line" stroke="${colour}" points="${way}"/>${dots.join('')}${label}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">Seconds for a whole migration, by number of documents</title>
<style>${STYLE}
</style>
<text class="title" x="${LEFT}" y="24">Seconds for a whole migration, by number of documents of 1 KB</text>
${grid.join('\n')}
${drawGuide(across, up, at)}
${drawn.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">documents</text>
</svg>
`;
};

/** From corner towards corner, one decade up for one across, as far as the plot goes. */
const drawGuide = (
  across: readonly number[],
  up: readonly number[],
  at: (documents: number, seconds: number) => string,
): string => {
  const steps = Math.min(across.length, up.length) - 1;
  const [from, to] = [across.at(-1 - steps), across.at(-1)];
  const [low, high] = [up[0], up[steps]];
  if (from === undefined || to === undefined || low === undefined || high === undefined) return '';
  return `<polyline class="guide" points="${at(from, low)} ${at(to, high)}"/>`;
};
