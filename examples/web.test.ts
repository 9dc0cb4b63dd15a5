// The Vite app in a real browser: Debian's chromium, which CI installs.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import { build, createServer, preview } from 'vite';

const executablePath = '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
/** Skipped where there is no chromium; the title says what is missing. */
const inBrowser = hasBrowser ? test.serial : test.serial.skip;
const root = fileURLToPath(new URL('../../examples/web', import.meta.url));
const listen = { host: '127.0.0.1', port: 0 };

for (const mode of ['served', 'built'] as const)
  inBrowser(`examples: web, ${mode} by Vite, draws the same in the page and in the worker${hasBrowser ? '' : ` (needs ${executablePath})`}`, async (t) => {
    const url = await (mode === 'served' ? served(t) : built(t));
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] });
    t.teardown(() => browser.close());

    const inPage = await pictures(t, await browser.newPage(), url, false);
    const inWorker = await pictures(t, await browser.newPage(), url, true);

    t.deepEqual(inPage.drawnBy, ['page', 'page', 'page']);
    t.deepEqual(inWorker.drawnBy, ['page', 'worker', 'page']);
    t.is(new Set(inPage.drawn).size, 3);
    t.deepEqual(inWorker.drawn, inPage.drawn);
  });

/** Looks closer twice, the first time in the worker if `moves`. @returns what is on the canvas each time, and who drew the last of it */
async function pictures(t: ExecutionContext, page: Page, url: string, moves: boolean): Promise<{ readonly drawn: string[]; readonly drawnBy: string[] }> {
  page.on('pageerror', (error) => t.log(error.stack));
  await page.goto(url);
  const drawn: string[] = [];
  const drawnBy: string[] = [];
  const look = async () => {
    await page.waitForFunction("document.getElementById('rows').textContent === '480'");
    drawn.push(await page.evaluate("document.getElementById('picture').toDataURL()"));
    drawnBy.push((await page.textContent('#place')) ?? '');
    t.is(await page.textContent('#error'), '');
  };
  const closer = async () => {
    await page.evaluate("document.getElementById('rows').textContent = '0'");
    await page.click('#picture', { position: { x: 250, y: 200 } });
    await look();
  };
  await look();
  if (moves) await press(page, 'bring it back to the page');
  await closer();
  if (moves) await press(page, 'move it to the worker');
  await closer();
  // A page in the background is slow.
  await page.close();
  return { drawn, drawnBy };
}

/** Presses the button, and waits until it offers the way back. */
async function press(page: Page, then: string): Promise<void> {
  await page.click('#move');
  await page.getByRole('button', { name: then, disabled: false }).waitFor();
}

async function served(t: ExecutionContext): Promise<string> {
  const server = await createServer({ root, server: listen, cacheDir: await temporary(t), logLevel: 'error' });
  t.teardown(() => server.close());
  await server.listen();
  return server.resolvedUrls?.local[0] ?? '';
}

async function built(t: ExecutionContext): Promise<string> {
  const out = { outDir: await temporary(t), emptyOutDir: true };
  await build({ root, build: out, logLevel: 'error' });
  const server = await preview({ root, build: out, preview: listen });
  t.teardown(() => server.close());
  return server.resolvedUrls?.local[0] ?? '';
}

async function temporary(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-web-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
