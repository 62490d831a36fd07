/** The style of a report: no fonts or images from elsewhere; light and dark, narrow and wide, on paper. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1a1f26; --muted: #525c69; --line: #d5dae1; --accent: #0a5bb0; --bad: #a8201a; --area: #0a5bb02e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101418; --card: #1a2027; --text: #e7eaee; --muted: #a3adb9; --line: #343d48; --accent: #7ab8ff; --bad: #ff9c94; --area: #7ab8ff33;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 64rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
footer { padding-top: 1.5rem; padding-bottom: 2rem; color: var(--muted); font-size: .875rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: 0 0 .5rem; }
.route { color: var(--muted); overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(3, 1fr); gap: .75rem; margin: 1.5rem 0 0; }
.figures div, .card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.figures dt { color: var(--muted); font-size: .875rem; }
.figures dd { margin: 0; font-size: 1.375rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figures .note { display: block; font-size: .875rem; font-weight: 400; color: var(--muted); }
.bad { color: var(--bad); }
ol { margin: 0; padding-left: 1.5rem; overflow-wrap: anywhere; }
li + li { margin-top: .25rem; }
.card + .card { margin-top: .75rem; }
code { font: .875em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
details { margin-top: .5rem; }
summary { cursor: pointer; color: var(--accent); width: fit-content; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--line); }
tr:last-child > * { border-bottom: 0; }
th { font-weight: 600; }
th, td.time { white-space: nowrap; }
td.wide { overflow-wrap: anywhere; min-width: 12rem; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 0; }
figure + figure { margin-top: 1.5rem; }
figcaption { margin-bottom: .5rem; }
.axes { display: grid; grid-template-columns: auto 1fr; gap: .25rem .5rem; font-size: .75rem; color: var(--muted); }
.up, .along { display: flex; justify-content: space-between; }
.up { flex-direction: column; text-align: right; white-space: nowrap; min-width: 5rem; }
.along { grid-column: 2; }
svg { display: block; width: 100%; height: 11rem; overflow: visible; }
svg path { fill: none; vector-effect: non-scaling-stroke; }
svg .grid { stroke: var(--line); }
svg .area { fill: var(--area); }
svg .line { stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
svg .start { stroke: var(--muted); stroke-dasharray: 4 4; }
@media (max-width: 40rem) {
  .figures { grid-template-columns: repeat(2, 1fr); }
  .figures dd { font-size: 1.125rem; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --text: #000; --muted: #444; --line: #bbb; --accent: #0a5bb0; --bad: #a8201a; --area: #0a5bb02e; }
  body { font-size: 10pt; }
  header, main, footer { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  .card, figure, tr, .figures div { break-inside: avoid; }
  .scroll { overflow: visible; }
  details::details-content { content-visibility: visible; }
}
`;
