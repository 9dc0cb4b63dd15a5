// One trace over two processes: a device in this one, `godwit edge --otel` in another with an SDK of its own, as an operator starts it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { type AnyRef, actor, dispatch, GodwitError, type Ref, spawn } from '#core';
import { type Device, startDevice } from '#device-node';
import { bundler } from '#toolchain';
import { type Command, freePort, start } from './command.test-support.js';
import { Desk, Scout } from './fixtures/scout.js';
import { type PlainSpan, plainSpan, treeOf } from './spans.test-support.js';

const key = 'a-key-for-the-tests-of-tracing';
const sdk = new URL('./fixtures/spans-to-file.js', import.meta.url).href;
const here = new InMemorySpanExporter();
/** Called with each event of a span of this process, as it happens. */
let heard: (event: string) => void = () => {};
const listening: SpanProcessor = {
  onStart(span) {
    const addEvent = span.addEvent.bind(span);
    span.addEvent = (event, ...more) => {
      heard(event);
      return addEvent(event, ...more);
    };
  },
  onEnd() {},
  async forceFlush() {},
  async shutdown() {},
};
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [listening, new SimpleSpanProcessor(here)] }));

interface TracedEdge {
  readonly url: string;
  readonly command: Command;
  /** Ends the edge. @returns its spans */
  spans(): Promise<readonly PlainSpan[]>;
}

async function tracedEdge(t: ExecutionContext): Promise<TracedEdge> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-tracing-'));
  const file = join(folder, 'spans');
  const port = await freePort();
  const command = start(['edge', '--name', 'edge', '--port', String(port), '--json', '--otel'], key, {
    env: { NODE_OPTIONS: `--import ${sdk}`, SPANS_FILE: file },
  });
  t.teardown(async () => {
    command.signal('SIGKILL');
    await command.ended;
    await rm(folder, { recursive: true });
  });
  await command.entry('edge.listening');
  return {
    url: `http://127.0.0.1:${port}`,
    command,
    async spans() {
      command.signal('SIGTERM');
      t.is((await command.ended).code, 0);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      return lines.map((line) => JSON.parse(line) as PlainSpan);
    },
  };
}

/** A device whose desk closes when it is told to, and stays so until it is let go. */
async function tracedDevice(t: ExecutionContext, url: string) {
  let letGo = () => {};
  let isClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    isClosed = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const gate = {
    name: 'gate',
    async call() {
      isClosed();
      await opened;
    },
  };
  const device = await startDevice({ name: 'robot', edges: [url], key, modules: bundler(), hostFunctions: [gate], openTelemetry: true });
  t.teardown(() => device.close());
  return { device, desk: spawn(device, Desk, 'desk'), scout: spawn(device, Scout, 'scout'), closed, letGo };
}

async function offloaded(device: Device, scout: AnyRef) {
  const [offer] = await device.offload.request(scout);
  if (offer === undefined) throw new GodwitError('INTERNAL', 'no offer');
  return device.offload.accept(offer);
}

/** Runs `work` in a span of the application's own. @returns that span, and what came of it */
async function inSpan<T>(work: () => Promise<T>): Promise<{ readonly id: string; readonly trace: string; readonly result: T }> {
  return trace.getTracer('application').startActiveSpan('application', async (span: Span) => {
    try {
      const { spanId, traceId } = span.spanContext();
      return { id: spanId, trace: traceId, result: await work() };
    } finally {
      span.end();
    }
  });
}

/** The spans of a trace, of the edge and of this process. */
function traced(id: string, edge: readonly PlainSpan[]): { readonly spans: readonly PlainSpan[]; readonly tree: unknown } {
  const spans = [...here.getFinishedSpans().map(plainSpan), ...edge].filter((span) => span.trace === id);
  const root = spans.find(({ parent }) => parent === undefined);
  if (root === undefined) throw new GodwitError('INTERNAL', `trace ${id} has no root`);
  return { spans, tree: treeOf(spans, root) };
}

const lookFrom = (node: string, tier: string) => [
  'ask scout.look CLIENT robot',
  [`turn scout.look SERVER ${node} ${tier}`, 'turn desk.note CONSUMER robot native', [`ask desk.note CLIENT ${node}`, 'turn desk.note SERVER robot native']],
];

test.serial(
  'tracing: one trace leads from a device through the script tier of an edge in another process back to the device, wherever the actor was',
  async (t) => {
    const edge = await tracedEdge(t);
    const { device, desk, scout } = await tracedDevice(t, edge.url);
    const { trace: id } = await inSpan(async () => {
      await scout.look({ desk, what: 'at home' });
      const lease = await offloaded(device, scout);
      await scout.look({ desk, what: 'abroad' });
      await lease.recall();
      await scout.look({ desk, what: 'at home again' });
    });
    await desk.note('of no trace: the notes before it have been taken');
    const log = await edge.command.entry('scout.looks');
    const { spans, tree } = traced(id, await edge.spans());

    t.deepEqual(tree, [
      'application INTERNAL',
      'move scout INTERNAL edge',
      'move scout INTERNAL robot',
      lookFrom('edge', 'script'),
      lookFrom('robot', 'native'),
      lookFrom('robot', 'native'),
    ]);
    const abroad = spans.find(({ name, attributes }) => name === 'turn scout.look' && attributes['godwit.node'] === 'edge');
    t.like(abroad?.attributes, {
      'godwit.actor': 'robot/scout',
      'godwit.epoch': 2,
      'godwit.outcome': 'ok',
      'rpc.system.name': 'godwit',
      'rpc.method': 'scout/look',
    });
    t.is(log.trace_id, id);
    t.is(log.span_id, abroad?.id);
    const away = spans.find(({ name, attributes }) => name === 'move scout' && attributes['godwit.node'] === 'robot');
    t.deepEqual(
      away?.events,
      ['blobs-wanted', 'freezing', 'frozen', 'captured', 'proposed', 'running'].map((phase) => `godwit.move.${phase}`),
    );
    t.is(typeof away?.attributes['godwit.move.stall_ms'], 'number');
  },
);

test.serial('tracing: what waited for an actor while it moved is still of its sender’s trace, and a failure is told where it happened', async (t) => {
  const edge = await tracedEdge(t);
  const { device, desk, scout, closed, letGo } = await tracedDevice(t, edge.url);

  const { trace: id } = await inSpan(async () => {
    const waited = scout.wait(desk);
    await closed;
    const looked = scout.look({ desk, what: 'after the move' });
    dispatch(scout, 'fail', desk);
    const freezing = new Promise<void>((resolve) => {
      heard = (event) => event === 'godwit.move.freezing' && resolve();
    });
    const moved = offloaded(device, scout);
    await freezing;
    letGo();
    await Promise.all([waited, looked, moved]);
    await scout.look({ desk, what: 'last' });
  });
  const { spans, tree } = traced(id, await edge.spans());

  t.deepEqual(tree, [
    'application INTERNAL',
    'move scout INTERNAL robot',
    lookFrom('edge', 'script'),
    lookFrom('edge', 'script'),
    ['ask scout.wait CLIENT robot', ['turn scout.wait SERVER robot native', ['ask desk.close CLIENT robot', 'turn desk.close SERVER robot native']]],
    ['turn scout.fail CONSUMER edge script', ['ask desk.refuse CLIENT edge', 'turn desk.refuse SERVER robot native']],
  ]);
  const failed = spans.filter(({ status }) => status === SpanStatusCode[SpanStatusCode.ERROR]);
  t.deepEqual(failed.map(({ name, attributes, events }) => [name, attributes['error.type'], attributes['godwit.outcome'], ...events].join(' ')).sort(), [
    'ask desk.refuse UNKNOWN error exception',
    'turn desk.refuse UNKNOWN error exception',
    'turn scout.fail UNKNOWN error exception',
  ]);
});

test.serial('tracing: natively a turn’s span is active: what a handler or a host function begins is part of it, and what is sent within too', async (t) => {
  const inner = trace.getTracer('library');
  const measure = { name: 'measure', call: async () => inner.startSpan('measuring').end() };
  const device = await startDevice({ name: 'robot', hostFunctions: [measure], openTelemetry: true });
  t.teardown(() => device.close());
  const Sink = actor('sink', { state: () => ({}), on: { take(): void {} } });
  const Worker = actor('worker', {
    state: () => ({}),
    on: {
      async work(_state, to: Ref<typeof Sink.on>, ctx): Promise<void> {
        await ctx.call('measure', 'now');
        await inner.startActiveSpan('inner', async (span) => {
          await to.take();
          span.end();
        });
      },
    },
  });

  const { trace: id } = await inSpan(() => spawn(device, Worker, 'worker').work(spawn(device, Sink, 'sink')));

  t.deepEqual(traced(id, []).tree, [
    'application INTERNAL',
    [
      'ask worker.work CLIENT robot',
      ['turn worker.work SERVER robot native', 'measuring INTERNAL', ['inner INTERNAL', ['ask sink.take CLIENT robot', 'turn sink.take SERVER robot native']]],
    ],
  ]);
});

/** A process in which the package is not installed. */
const absent = `data:text/javascript,${encodeURIComponent(
  `import { register } from 'node:module';
   register('data:text/javascript,' + encodeURIComponent(\`export async function resolve(name, context, next) {
     if (name.startsWith('@opentelemetry/')) throw Object.assign(new Error('Cannot find package ' + name), { code: 'ERR_MODULE_NOT_FOUND' });
     return next(name, context);
   }\`));`,
)}`;

test.serial('tracing: without @opentelemetry/api everything runs; asking for it says what to install', async (t) => {
  const port = await freePort();
  const edge = start(['edge', '--name', 'edge', '--port', String(port), '--json'], key, { env: { NODE_OPTIONS: `--import ${absent}` } });
  t.teardown(() => edge.signal('SIGKILL'));
  await edge.entry('edge.listening');
  const counting = fileURLToPath(new URL('./fixtures/counting.js', import.meta.url));

  const device = await start(['device', counting, '--edge', `http://127.0.0.1:${port}`, '--json'], key, { env: { NODE_OPTIONS: `--import ${absent}` } }).ended;
  const refused = await start(['device', counting, '--otel', '--json'], key, { env: { NODE_OPTIONS: `--import ${absent}` } }).ended;

  t.is(device.code, 0, device.stderr);
  t.regex(device.stdout, /"there":2,"tier":"script"/);
  t.not(refused.code, 0);
  t.regex(refused.stderr, /^godwit device: tracing needs @opentelemetry\/api: npm install @opentelemetry\/api/);
});
