import test from 'ava';
import { GodwitError } from '#core';
import { createLineLogger, type LineLoggerOptions } from './line-logger.js';

const time = () => new Date('2026-01-02T03:04:05.678Z');

function lines(options: LineLoggerOptions, ...events: Array<Parameters<ReturnType<typeof createLineLogger>['log']>>): string[] {
  const written: string[] = [];
  const logger = createLineLogger({ time, write: (line) => written.push(line), ...options });
  for (const event of events) logger.log(...event);
  return written;
}

test('line logger: writes one JSON object a line, with the common fields', (t) => {
  const [line] = lines({ format: 'json', fields: { node: 'edge-1' } }, ['info', 'edge.listening', { port: 7443 }]);

  t.deepEqual(JSON.parse(line), { time: '2026-01-02T03:04:05.678Z', level: 'info', event: 'edge.listening', node: 'edge-1', port: 7443 });
});

test('line logger: writes text for people, quoting what has spaces', (t) => {
  t.deepEqual(lines({}, ['warn', 'link.down', { peer: 'edge-1', reason: 'it is gone' }]), ['03:04:05.678 warn  link.down peer=edge-1 reason="it is gone"']);
});

test('line logger: leaves out what is below its level', (t) => {
  const all = lines({ level: 'warn' }, ['debug', 'a'], ['info', 'b'], ['warn', 'c'], ['error', 'd']);

  t.deepEqual(
    all.map((line) => line.at(-1)),
    ['c', 'd'],
  );
});

test('line logger: never throws on fields that are no JSON', (t) => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const [big, error, cycle] = lines(
    {},
    ['info', 'big', { n: 12n }],
    ['info', 'error', { e: new GodwitError('UNAVAILABLE', 'gone') }],
    ['info', 'cycle', { loop }],
  );

  t.regex(big, /n="12"/);
  t.regex(error, /UNAVAILABLE/);
  t.regex(cycle, /unserialisable/);
});
