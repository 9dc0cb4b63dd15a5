import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { actor, type GodwitError, type Hash, stateSchemaOf } from '#core';
import { told } from './fixtures/application.js';
import { Greeter } from './fixtures/greeter.js';
import { Reader } from './fixtures/reader.js';
import { Tally } from './fixtures/tally.js';
import { bundler } from './index.js';

test('bundler: makes one program that offers the definitions of the source file, with nothing of Node', async (t) => {
  const { manifest, blobs } = await bundler([Greeter]).module('greeter', 3);
  const program = blobs.get(manifest.program);
  const text = new TextDecoder().decode(program);

  t.deepEqual(manifest, {
    definition: 'greeter',
    version: 3,
    tier: 'script',
    program: manifest.program,
    programBytes: program?.length ?? -1,
    hostFunctions: ['nn'],
    models: {},
    stateSchema: await stateSchemaOf(Greeter, { sha256: async (bytes) => createHash('sha256').update(bytes).digest('hex') as Hash }),
    needs: { memoryBytes: 0, models: ['faces'] },
    limits: {},
  });
  t.is(
    createHash('sha256')
      .update(program ?? '')
      .digest('hex'),
    manifest.program,
  );
  t.false(text.includes('node:fs'));
  t.log(`program: ${manifest.programBytes} bytes`);
  t.is(typeof guestOf(text).receive, 'function');
});

test('bundler: ships a definition that is not exported, and leaves behind what its file does on the device', async (t) => {
  const Hidden = { ...Greeter, name: 'hidden', version: 1, source: new URL('./fixtures/application.js', import.meta.url).href };

  const { manifest, blobs } = await bundler([Hidden]).module('hidden', 1);

  const text = new TextDecoder().decode(blobs.get(manifest.program));
  t.regex(told[0] ?? '', /^hidden \d+$/);
  t.true(text.includes('good day from the application'));
  t.false(text.includes('readFileSync'));
  t.is(typeof guestOf(text).receive, 'function');
});

test('bundler: refuses a bad capture at the line that its author wrote, with the fix', async (t) => {
  const error = await t.throwsAsync<GodwitError>(() => bundler([Tally]).module('tally', 1));

  t.is(error?.code, 'INVALID_ARGUMENT');
  t.regex(
    String(error?.message),
    /^actor definition tally cannot move:\n\n\S*toolchain\/fixtures\/tally\.ts:11:7: GW1001: actor definition 'tally' captures 'turns'/,
  );
  t.regex(String(error?.message), /> 11 \| {7}turns \+= 1;\n {5}\| {7}\^{5}\n.* {2}fix: keep it in the state of an actor/s);
  t.like(error?.details, { findings: { length: 1, 0: { code: 'GW1001', name: 'turns', line: 11, column: 7 } } });
});

test('bundler: the same source gives the same bytes, wherever it lies', async (t) => {
  const copies = await mkdtemp(join(tmpdir(), 'godwit-bundler-'));
  t.teardown(() => rm(copies, { recursive: true }));
  await cp(fileURLToPath(new URL('./fixtures', import.meta.url)), copies, { recursive: true });
  const moved = { ...Greeter, source: join(copies, 'greeter.js') };

  const here = await bundler([Greeter]).module('greeter', 3);
  const again = await bundler([Greeter]).module('greeter', 3);
  const there = await bundler([moved]).module('greeter', 3);

  t.is(again.manifest.program, here.manifest.program);
  t.is(there.manifest.program, here.manifest.program);
});

test('bundler: bundles a definition once', async (t) => {
  const source = bundler().add(Greeter);

  t.is(await source.module('greeter', 3), await source.module('greeter', 3));
});

test('bundler: ships the models that a definition names, each as a blob of its own', async (t) => {
  const model = new Uint8Array([1, 2, 3]);

  const { manifest, blobs } = await bundler([Greeter], { model: async () => model }).module('greeter', 3);

  t.is(blobs.get(manifest.models.faces), model);
  t.is(blobs.size, 2);
});

test('bundler: refuses a Node builtin that a handler uses, and names the chain of imports', async (t) => {
  const error = await t.throwsAsync(() => bundler([Reader]).module('reader', 1));

  t.like(error, { code: 'INVALID_ARGUMENT', details: { builtin: 'node:fs' } });
  t.regex(String(error?.message), /imports node:fs \(\S*fixtures\/reader\.js → \S*fixtures\/read-text\.js → node:fs\)/);
});

test('bundler: refuses a definition without a source, one that is unknown, and a source that does not bundle', async (t) => {
  const homeless = actor('homeless', { state: () => ({}), on: {} });
  const lost = { ...Greeter, name: 'lost', source: '/nowhere/lost.js' };

  t.throws(() => bundler([homeless]), { code: 'INVALID_ARGUMENT', message: /import\.meta\.url/ } as never);
  await t.throwsAsync(() => bundler([Greeter]).module('greeter', 4), { code: 'NOT_FOUND', message: /has greeter v3/ } as never);
  await t.throwsAsync(() => bundler([lost]).module('lost', 3), { code: 'INVALID_ARGUMENT', message: /nowhere\/lost\.js/ } as never);
});

/** What the script engine would find. */
function guestOf(program: string): Readonly<Record<string, unknown>> {
  const globals: Record<string, unknown> = { queueMicrotask };
  globals.globalThis = globals;
  runInNewContext(program, globals);
  return globals.godwitGuest as Record<string, unknown>;
}
