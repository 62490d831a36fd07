import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { renderHtml } from '../../src/manager/report/render-html.ts';
import { HOSTILE_NAMES, SAMPLE_REPORT } from '../support/sample-report.ts';
import { visibleText } from '../../src/core/visible-text.ts';

let folder: string;
let browser: Browser;
let url: string;
let axe: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chromium-test-'));
  const file = join(folder, 'report.html');
  await writeFile(file, renderHtml(SAMPLE_REPORT));
  url = pathToFileURL(file).href;
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  // Its sandbox does not work as root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const home = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder };
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args, env: { ...process.env, ...home } });
});

after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** The report as one person sees it; fails where it asks for anything, or says anything to the console. */
const withReport = async (
  view: { readonly width: number; readonly colorScheme: 'light' | 'dark' },
  look: (page: Page) => Promise<void>,
): Promise<void> => {
  const context = await browser.newContext({
    viewport: { width: view.width, height: 900 },
    colorScheme: view.colorScheme,
    offline: true,
    bypassCSP: true,
  });
  try {
    const page = await context.newPage();
    const asked: string[] = [];
    const said: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    await page.goto(url);
    await look(page);
    assert.deepEqual(asked, [url]);
    assert.deepEqual(said, []);
  } finally {
    await context.close();
  }
};

const VIEWS = [320, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
);

for (const view of VIEWS) {
  test(`the report, ${view.colorScheme}, ${view.width} pixels wide: nothing for axe to find, nothing cut off`, async () => {
    await withReport(view, async (page) => {
      for (const details of await page.locator('details').all())
        await details.evaluate((element) => element.setAttribute('open', ''));
      await page.evaluate(axe);
      const results = (await page.evaluate(
        'axe.run(document, { resultTypes: ["violations", "incomplete"] })',
      )) as AxeResults;
      const found = results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(found, []);
      // Of what has to be scrolled into view it cannot tell the colours; the wide page shows all of it.
      const unsure = results.incomplete.filter(({ id }) => id !== 'color-contrast' || view.width > 1000);
      assert.deepEqual(unsure, []);
      const needed = await page.evaluate('document.documentElement.scrollWidth');
      const given = await page.evaluate('document.documentElement.clientWidth');
      assert.equal(needed, given, 'the page itself is never scrolled sideways');
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      assert.equal(background, view.colorScheme === 'dark' ? 'rgb(16, 20, 24)' : 'rgb(246, 247, 249)');
    });
  });
}

test('names of documents are shown as they are, and do nothing', async () => {
  await withReport({ width: 1280, colorScheme: 'light' }, async (page) => {
    assert.equal(await page.title(), 'Migration 7: documents failed');
    await page.locator('details summary').first().click();
    const names = await page
      .locator('section[aria-labelledby=failures] details')
      .first()
      .locator('td code')
      .allInnerTexts();
    assert.deepEqual(names, HOSTILE_NAMES.map(visibleText));
    assert.equal(await page.locator('script, img, [onmouseover], [onerror]').count(), 0);
  });
});

test('everything can be reached and opened by keyboard', async () => {
  await withReport({ width: 1280, colorScheme: 'light' }, async (page) => {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('details[open]').count(), 1);
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    assert.equal(outline, 'solid');
    const reached = new Set<string>();
    for (let presses = 0; presses < 10; presses += 1) {
      await page.keyboard.press('Tab');
      reached.add(String(await page.evaluate('document.activeElement.ariaLabel')));
    }
    assert.ok(reached.has('Table of runs') && reached.has('Table of stores'), [...reached].join(' '));
  });
});

test('the rate over time is a picture with a description', async () => {
  await withReport({ width: 1280, colorScheme: 'dark' }, async (page) => {
    const picture = page.getByRole('img', { name: 'Documents over time' });
    assert.equal(await picture.count(), 1);
    const box = await picture.boundingBox();
    assert.ok(box !== null && box.width > 600 && box.height > 100);
    assert.equal(await picture.locator('.start').count(), 2);
    assert.match((await picture.locator('.line').getAttribute('d')) ?? '', /^M[\d.]+ [\d.]+(?:L[\d.]+ [\d.]+){100,}$/);
  });
});

test('it can be printed', async () => {
  await withReport({ width: 1280, colorScheme: 'dark' }, async (page) => {
    const pdf = await page.pdf({ format: 'A4' });
    assert.ok(pdf.length > 20_000);
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.evaluate('getComputedStyle(document.body).color'), 'rgb(0, 0, 0)');
  });
});
