import { readFile } from 'node:fs/promises';
import test from 'ava';
import { freePort } from './command.test-support.js';
import { parseExposition, sampleOf } from './exposition.test-support.js';
import { blocksOf, guide, project, shell } from './guide.test-support.js';

/** Spans as the console exporter prints them: the trace of each name. */
function tracesIn(lines: readonly string[]): Map<string, string> {
  const traces = new Map<string, string>();
  let trace = '';
  for (const line of lines) {
    trace = /^ {2}traceId: '([0-9a-f]{32})'/.exec(line)?.[1] ?? trace;
    const name = /^ {2}name: '([^']+)'/.exec(line)?.[1];
    if (name !== undefined) traces.set(name, trace);
  }
  return traces;
}

test('docs/guides/observing.md: its commands show one trace on device and edge, its metrics and its logs', async (t) => {
  const markdown = await readFile(guide('observing.md'), 'utf8');
  const port = String(await freePort());
  const [make = '', edge = '', device = '', scrape = ''] = blocksOf(markdown, 'sh').map((block) => block.replaceAll('7443', port));
  const path = await project(t, blocksOf(markdown, 'ts'), ['@opentelemetry']);

  const made = await shell(t, make, path).ended;
  const running = shell(t, `${edge.trimEnd()} --port ${port}`, path);
  await running.shows('…edge.listening…\n');
  const counted = await shell(t, device, path).ended;
  const scraped = await shell(t, scrape, path).ended;

  t.is(made.code, 0, made.complaints);
  t.is(counted.code, 0, counted.complaints);
  t.is(scraped.code, 0, scraped.complaints);
  const here = tracesIn(counted.lines);
  const there = tracesIn(running.lines);
  const trace = here.get('count twice');
  t.deepEqual([...here.keys()].sort(), ['ask counter.next', 'count twice', 'move counter', 'turn counter.next']);
  t.regex(trace ?? '', /^[0-9a-f]{32}$/);
  t.deepEqual([...there], [['turn counter.next', trace]]);
  const log = running.lines.filter((line) => line.includes('counter.counted')).map((line) => JSON.parse(line) as Record<string, unknown>);
  t.like(log, [{ level: 'info', actor: `${String(log[0]?.actor)}`, count: 2, trace_id: trace }]);
  const families = parseExposition(`${scraped.lines.join('\n')}\n`);
  t.is(sampleOf(families, 'godwit_arrivals_total', { node: 'edge-1' }), 1);
  for (const [, name = ''] of markdown.matchAll(/`(godwit_[a-z_]+)/g)) t.true(families.has(name), name);
});
