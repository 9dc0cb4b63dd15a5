// A page and its workers in a real browser: Debian's chromium, which CI installs.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import anyTest, { type TestFn } from 'ava';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
const test = anyTest as TestFn<{ readonly browser: Browser; readonly page: Page; readonly close: () => Promise<void> }>;
/** Skipped where there is no chromium; the title says what is missing. */
const inBrowser = hasBrowser ? test.serial : test.serial.skip;
const titled = (title: string) => `web: ${title}${hasBrowser ? '' : ` (needs ${executablePath})`}`;

test.before(async (t) => {
  if (!hasBrowser) return;
  const { outputFiles } = await build({
    entryPoints: ['page', 'worker'].map((name) => fileURLToPath(new URL(`./web/fixtures/${name}.js`, import.meta.url))),
    outdir: '/',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const files = new Map([
    ...outputFiles.map(({ path, text }) => [path, text] as const),
    ['/', '<!doctype html><script type="module" src="/page.js"></script>'],
    ['/favicon.ico', ''],
  ]);
  const server = createServer(({ url = '' }, response) => {
    const text = files.get(url);
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': url === '/' ? 'text/html' : 'text/javascript' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  t.context = {
    browser,
    page,
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
});

test.after.always(async (t) => t.context.close?.());

/** What a scene of the page comes to. */
function play(page: Page, scene: string, argument?: unknown): Promise<unknown> {
  return page.evaluate(([name, given]) => (globalThis as unknown as { scenes: Record<string, (given: unknown) => unknown> }).scenes[name](given), [
    scene,
    argument,
  ] as const);
}

inBrowser(titled('an actor goes to a worker and comes back under load, and no ask is lost, repeated or reordered'), async (t) => {
  const { threads, inOrder, counts, hash, place } = (await play(t.context.page, 'moves')) as {
    threads: string[];
    inOrder: boolean;
    counts: number;
    hash: { before: string; after: string };
    place: string;
  };

  t.deepEqual(threads, ['page', 'worker', 'page']);
  t.true(inOrder && counts > 0);
  t.is(hash.before, hash.after);
  t.is(place, 'native (worker cruncher)');
});

inBrowser(titled('a state of 4 MiB goes along'), async (t) => {
  const bytes = 4 * 1024 * 1024;

  t.deepEqual(await play(t.context.page, 'heavy', bytes), [bytes, bytes]);
});

inBrowser(titled('an elastic function runs in the worker while it is offloaded, and reports its progress'), async (t) => {
  t.deepEqual(await play(t.context.page, 'elastic'), { threads: ['page', 'worker', 'page'], steps: [1, 2, 3, 1, 2, 3, 1, 2, 3] });
});

inBrowser(titled('the actor of a worker that died goes on in the page from its last checkpoint'), async (t) => {
  const { reason, counted, thread, again } = (await play(t.context.page, 'lost')) as Record<string, unknown>;

  t.regex(String(reason), /^host cruncher was lost; page\/tally goes on here/);
  t.deepEqual([counted, thread], [5, 'page']);
  t.regex(String(again), /^UNAVAILABLE: .*worker cruncher did not answer within 5000 ms/);
});

inBrowser(titled('a worker refuses a definition that it does not have, and the actor stays'), async (t) => {
  t.deepEqual(await play(t.context.page, 'unknown'), {
    reason: 'FAILED_PRECONDITION: no offer for actor page/homebody: worker cruncher has no definition homebody: give it to its startWorker()',
    answer: 'pong',
  });
});

inBrowser(titled('a worker whose script does not call startWorker is told from one that has no room'), async (t) => {
  t.regex(
    String(await play(t.context.page, 'silent')),
    /^UNAVAILABLE: .*worker silent did not answer within 5000 ms: does its script load, and call startWorker\(\)\?/,
  );
});

inBrowser(titled('an actor goes straight from one worker to another, and their actors talk to each other'), async (t) => {
  t.deepEqual(await play(t.context.page, 'two workers'), { from: 'one', told: 3, teller: 'worker', weight: 2_000_000 });
});

inBrowser(titled("the application's own messages to a worker pass by"), async (t) => {
  t.is(await play(t.context.page, 'own messages'), 'hello yourself');
});
