import { readableBytes } from '../../core/readable-bytes.ts';
import { readableCount, switchText } from '../progress/describe-run.ts';
import { html, type Html, NOTHING } from './html.ts';
import type { Step } from './left-to-do.ts';
import type { MigrationReport, ReportedReason, ReportedRun } from './migration-report.ts';
import { renderPlot } from './rate-plot.ts';
import { readablePeriod } from './render-text.ts';
import { REPORT_STYLE } from './style.ts';

const STYLE: Html = { html: `<style>${REPORT_STYLE}</style>` };

const time = (iso: string | null): Html => {
  if (iso === null) return html`–`;
  const shown = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return html`<time datetime="${iso}">${shown}</time>`;
};

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly bad?: boolean;
}

const figuresOf = (report: MigrationReport): readonly Figure[] => {
  const { work, counts } = report;
  const hasMoved = report.movedDocuments > 0 || report.copiedDocuments === 0;
  const documents = hasMoved ? report.movedDocuments : report.copiedDocuments;
  return [
    {
      label: hasMoved ? 'Documents moved' : 'Documents copied, not switched yet',
      value: readableCount(documents),
      note: readableBytes(hasMoved ? report.movedBytes : report.copiedBytes),
    },
    {
      label: 'Time of work',
      value: report.runs.length === 0 ? '–' : readablePeriod(work.workSeconds),
      note: report.runs.length === 1 ? 'in one run' : `in ${readableCount(report.runs.length)} runs`,
    },
    {
      label: 'Rate while copying',
      value: work.documentsPerSecond === null ? '–' : `${readableCount(work.documentsPerSecond)} documents/s`,
      note: work.bytesPerSecond === null ? 'no copy was timed' : `${readableBytes(work.bytesPerSecond)}/s`,
    },
    {
      label: 'Switch',
      value: report.switchSeconds === null ? '–' : switchText(report.switchSeconds),
      note: report.switchSeconds === null ? 'nothing was switched' : 'the part of the downtime that is the tool’s',
    },
    { label: 'Retries', value: readableCount(work.retries), note: 'requests to the stores that were sent again' },
    {
      label: 'Documents failed',
      value: readableCount(counts.failed),
      note: counts.failed === 0 ? 'none' : 'see below',
      bad: counts.failed > 0,
    },
  ];
};

const renderFigure = ({ label, value, note, bad }: Figure): Html =>
  html`<div><dt>${label}</dt><dd${bad === true ? html` class="bad"` : NOTHING}>${value} <span class="note">${note}</span></dd></div>\n`;

const renderExamples = ({ examples, count, code }: ReportedReason, id: string): Html => {
  if (examples.length === 0) return NOTHING;
  const title = examples.length < count ? `Documents: ${examples.length} of ${readableCount(count)}` : 'Documents';
  return html`<details>
    <summary>${title} <span class="note">(${code})</span></summary>
    <div class="scroll" role="group" tabindex="0" aria-label="Table of documents: ${code}">
      <table id="${id}">
        <thead>
          <tr>
            <th scope="col">Document</th>
            <th scope="col">What was found</th>
          </tr>
        </thead>
        <tbody>
          ${examples.map(
            ({ document, text }) =>
              html`<tr>
                <td class="wide">
                  <bdi><code>${document}</code></bdi>
                </td>
                <td class="wide"><bdi>${text}</bdi></td>
              </tr> `,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
};

const renderReason = (reason: ReportedReason, id: string): Html =>
  html`<div class="card">
    <h3>${readableCount(reason.count)} × <code>${reason.code}</code></h3>
    <p>${reason.meaning}</p>
    ${reason.remedy === null ? NOTHING : html` <p>What to do: ${reason.remedy}</p>`} ${renderExamples(reason, id)}
  </div> `;

const renderReasons = (title: string, id: string, reasons: readonly ReportedReason[], none: string): Html => {
  if (reasons.length === 0 && none === '') return NOTHING;
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${reasons.length === 0 ? html`<p>${none}</p>` : reasons.map((reason, index) => renderReason(reason, `${id}-${index}`))}
  </section>`;
};

const renderStep = ({ text, command }: Step): Html =>
  html`<li>${text}${command === null ? NOTHING : html`:<br /><code>${command}</code>`}</li> `;

const renderRun = (run: ReportedRun): Html =>
  html`<tr>
    <td class="time">${time(run.startedAt)}</td>
    <td><code>${run.command}</code></td>
    <td>${run.outcome ?? 'under way'}${run.error === null ? NOTHING : html`: <bdi>${run.error}</bdi>`}</td>
    <td class="number">${readablePeriod(run.seconds)}</td>
    <td class="number">${readableCount(run.documents)}</td>
    <td class="number">${readableBytes(run.bytes)}</td>
    <td class="number">${readableCount(run.retries)}</td>
    <td class="number">${readableCount(run.failures)}</td>
  </tr> `;

const renderRuns = ({ runs }: MigrationReport): Html =>
  html`<section aria-labelledby="runs">
    <h2 id="runs">Runs</h2>
    <div class="card scroll" role="group" tabindex="0" aria-label="Table of runs">
      <table>
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col">Command</th>
            <th scope="col">Ended</th>
            <th scope="col" class="number">Took</th>
            <th scope="col" class="number">Copied</th>
            <th scope="col" class="number">Data</th>
            <th scope="col" class="number">Retries</th>
            <th scope="col" class="number">Failed</th>
          </tr>
        </thead>
        <tbody>
          ${runs.map(renderRun)}
        </tbody>
      </table>
    </div>
  </section>`;

const renderRate = (report: MigrationReport): Html => {
  const ends = report.runs.map(({ seconds }) => seconds);
  const starts = ends.slice(0, -1).map((_, index) => ends.slice(0, index + 1).reduce((sum, end) => sum + end, 0));
  const documents = renderPlot(report.rate, starts, {
    id: 'documents',
    title: 'Documents',
    valueOf: (point) => point.documentsPerSecond,
    format: (value) => `${value < 10 ? Number(value.toFixed(1)) : readableCount(value)}/s`,
    base: 1000,
  });
  const bytes = renderPlot(report.rate, starts, {
    id: 'bytes',
    title: 'Data',
    valueOf: (point) => point.bytesPerSecond,
    format: (value) => `${readableBytes(value)}/s`,
    base: 1024,
  });
  if (documents === NOTHING) return NOTHING;
  return html`<section aria-labelledby="rate">
    <h2 id="rate">Rate over time</h2>
    <div class="card">
      ${documents}${bytes}
      ${starts.length > 0 ? html`<p class="route">A dashed line stands where a new run began; the time between runs is left out.</p>` : NOTHING}
    </div>
  </section>`;
};

const renderStore = (name: string, { driver, store, config }: MigrationReport['from']): Html =>
  html`<tr>
    <th scope="row">${name}</th>
    <td>${driver}</td>
    <td class="wide">${store}</td>
    <td class="wide"><code>${config}</code></td>
  </tr> `;

const renderStores = (report: MigrationReport): Html =>
  html`<section aria-labelledby="stores">
    <h2 id="stores">Stores</h2>
    <div class="card scroll" role="group" tabindex="0" aria-label="Table of stores">
      <table>
        <thead>
          <tr>
            <th scope="col">Side</th>
            <th scope="col">Driver</th>
            <th scope="col">Store</th>
            <th scope="col">Configuration</th>
          </tr>
        </thead>
        <tbody>
          ${renderStore('From', report.from)}${renderStore('To', report.to)}
        </tbody>
      </table>
    </div>
  </section>`;

/** The report as one page that needs nothing else: no script, no network, and a policy that forbids both. */
export const renderHtml = (report: MigrationReport): string => {
  const title = `${report.kind === 'rollback' ? 'Rollback' : 'Migration'} ${report.id}: ${report.condition}`;
  return html`<!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        ${STYLE}
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p class="route">${report.from.store} → ${report.to.store}</p>
          <p class="route">Began ${time(report.startedAt)}, ended ${time(report.endedAt)}</p>
        </header>
        <main>
          <dl class="figures">${figuresOf(report).map(renderFigure)}</dl>
          <section aria-labelledby="left">
            <h2 id="left">Left to do</h2>
            <div class="card">
              <ol>
                ${report.leftToDo.map(renderStep)}
              </ol>
            </div>
          </section>
          ${renderRate(report)} ${renderReasons('Failures', 'failures', report.failures, 'No document failed.')}
          ${renderReasons('Left where they are', 'skipped', report.skipped, '')}
          ${report.runs.length > 0 ? renderRuns(report) : NOTHING} ${renderStores(report)}
        </main>
        <footer>
          <p>Written ${time(report.writtenAt)} by anchore-manager ${report.toolVersion}. All times are UTC.</p>
        </footer>
      </body>
    </html> `.html;
};
