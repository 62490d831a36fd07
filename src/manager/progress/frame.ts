import { figures, holdText, phaseText, readableSeconds, shareDone, timeLeft } from './describe-run.ts';
import type { Rate } from './rate.ts';
import { wrapText } from '../wrap-text.ts';
import type { RunView } from './run-state.ts';

/** What a terminal can show. */
export interface FrameStyle {
  readonly colour: boolean;
  /** Block characters, where the locale has them. */
  readonly unicode: boolean;
}

const WIDEST_BAR = 60;
const GAP = '   ';

const ESCAPE = '\u001B[';
const COLOURS = { bold: '1', red: '31', green: '32', yellow: '33' } as const;

/**
 * The live view of a run in lines of at most `columns` characters: the run and its phase, a bar, the figures, which flow over as
 * many lines as they need.
 */
export const drawFrame = (view: RunView, rate: Rate, columns: number, style: FrameStyle): readonly string[] => {
  // The last column stays free: a character there makes some terminals begin a new line.
  const width = Math.max(20, columns - 1);
  const paint = (text: string, colour: keyof typeof COLOURS): string =>
    style.colour ? `${ESCAPE}${COLOURS[colour]}m${text}${ESCAPE}0m` : text;
  const { identity, progress, elapsedSeconds } = view;
  const name = identity.kind === 'rollback' ? 'Rollback' : 'Migration';
  const arrow = style.unicode ? '→' : '->';
  const hold = holdText(progress);
  const head = [
    `${name} ${identity.migrationId}: ${identity.from} ${arrow} ${identity.to}`,
    phaseText(progress.phase),
    readableSeconds(elapsedSeconds),
    ...(hold === undefined ? [] : [hold]),
  ];
  const lines = flow(head, width, (part) => {
    if (part === hold) return paint(part, 'yellow');
    return part === phaseText(progress.phase) ? paint(part, 'bold') : part;
  });
  const share = shareDone(progress);
  const left = timeLeft(view, rate);
  if (share !== undefined) {
    const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
    const beside = `${GAP}${percent}${left === undefined ? '' : `${GAP}${left}`}`;
    const cells = Math.min(WIDEST_BAR, width - beside.length);
    const full = Math.round(share * cells);
    const bar = cells < 5 ? '' : (style.unicode ? '█' : '#').repeat(full);
    const rest = cells < 5 ? '' : (style.unicode ? '░' : '.').repeat(cells - full);
    lines.push(`${paint(bar, progress.hold === 'none' ? 'green' : 'yellow')}${rest}${beside}`.trimStart());
  }
  const failed = `${progress.failures} failed`;
  lines.push(
    ...flow(figures(view, rate), width, (part) =>
      progress.failures > 0 && part.replaceAll(',', '') === failed ? paint(part, 'red') : part,
    ),
  );
  return lines;
};

/** Puts parts on lines of at most `width`; a longer part is broken at its spaces, a longer word cut. */
const flow = (parts: readonly string[], width: number, paint: (part: string) => string): string[] => {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const part of parts.flatMap((each) => wrapText(each, '', width))) {
    const cut = part.slice(0, width);
    const gap = used === 0 ? 0 : GAP.length;
    if (used > 0 && used + gap + cut.length > width) {
      lines.push(line);
      [line, used] = [paint(cut), cut.length];
    } else {
      line += `${used === 0 ? '' : GAP}${paint(cut)}`;
      used += gap + cut.length;
    }
  }
  if (used > 0) lines.push(line);
  return lines;
};
