// Modules that a build made and signed, on their way to edges that were told whom to trust: real transports, runtimes and files, device and
// edges in one process. Over processes, by the command itself: build.test.ts.
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type Blobs, GodwitError, type Hash, type Manifest, type ModuleSource, type Ref, spawn } from '#core';
import { createSigner, type Device, moduleDirectory, startDevice } from '#device-node';
import { type Edge, type EdgeOptions, startEdge } from '#edge-node';
import { createKeyPair, nodeDigest } from '#runtimes/platform';
import { build } from '#toolchain';
import { createMemoryBlobs } from '#transports/memory';
import { assertMoved } from './migration.test-support.js';
import { SharedMap } from './shared-map.test-support.js';
import { Sightings } from './sightings.test-support.js';

const key = 'a-shared-key';
const [ours, theirs] = [createKeyPair(), createKeyPair()];
const sources = ['./sightings.test-support.js', './shared-map.test-support.js'].map((file) => fileURLToPath(new URL(file, import.meta.url)));
/** Host functions that do not matter, and one that only this host has: needing it chooses the host. */
const hostFunctionsOf = (host: string) => ['place', 'disk', `only-${host}`].map((name) => ({ name, call: async () => host }));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') as Hash;

type Module = Awaited<ReturnType<ModuleSource['module']>>;
type SightingsRef = Ref<typeof Sightings.on>;

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'godwit-signed-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The sources, built and signed once for all tests. */
const built = (async () => {
  const out = await mkdtemp(join(tmpdir(), 'godwit-signed-'));
  await build({ sources, out, signer: createSigner(ours.privateKey) });
  return out;
})();
test.after.always(async () => rm(await built, { recursive: true }));

/** A store that tells what was put into it. */
function watchedBlobs(): Blobs & { readonly stored: Uint8Array[] } {
  const stored: Uint8Array[] = [];
  const blobs = createMemoryBlobs({ digest: nodeDigest });
  return {
    ...blobs,
    stored,
    async put(bytes) {
      stored.push(bytes.slice());
      return blobs.put(bytes);
    },
  };
}

async function edgeOf(t: ExecutionContext, more: Partial<EdgeOptions> = {}) {
  const blobs = watchedBlobs();
  const lines: string[] = [];
  let refusal: (line: string) => void = () => {};
  const refusedOne = new Promise<string>((resolve) => {
    refusal = resolve;
  });
  const logger = {
    log(_level: string, event: string, fields = {}) {
      const line = `${event} ${JSON.stringify(fields)}`;
      lines.push(line);
      if (event === 'module.refused') refusal(line);
    },
  };
  const edge = await startEdge({
    name: 'edge-1',
    port: 0,
    key,
    trust: [ours.publicKey],
    hostFunctions: hostFunctionsOf(more.name ?? 'edge-1'),
    blobs,
    logger,
    ...more,
  });
  t.teardown(() => edge.close());
  return { edge, stored: blobs.stored, lines, refusal: refusedOne };
}

async function deviceOf(
  t: ExecutionContext,
  edges: readonly Edge[],
  modules: ModuleSource,
  blobs?: Blobs,
): Promise<{ device: Device; sightings: SightingsRef }> {
  const device = await startDevice({
    name: 'robot-1',
    edges: edges.map(({ url }) => url),
    key,
    modules,
    hostFunctions: hostFunctionsOf('robot-1'),
    definitions: [SharedMap],
    ...(blobs === undefined ? {} : { blobs }),
  });
  t.teardown(() => device.close());
  const sightings = spawn(device, Sightings, 'sightings');
  await sightings.see('person');
  return { device, sightings };
}

async function offload(device: Device, sightings: SightingsRef, host = 'edge-1') {
  const [offer] = await device.offload.request(sightings, { needs: { hostFunctions: [`only-${host}`] } });
  return device.offload.accept(offer);
}

/** Why it did not move; it goes on where it is, with its state. */
async function assertStays(t: ExecutionContext, device: Device, sightings: SightingsRef, times: number): Promise<GodwitError> {
  const error = GodwitError.from(await t.throwsAsync(offload(device, sightings)));
  t.is(await sightings.see('person'), times);
  t.like(
    device.node.actors().find(({ address }) => address === sightings.$address),
    { status: 'here', node: 'robot-1', tier: 'native' },
  );
  return error;
}

/** The built module, after somebody had it in their hands. */
function changed(change: (module: Module) => Module | Promise<Module>): ModuleSource {
  return { module: async (definition, version) => change(await moduleDirectory(await built).module(definition, version)) };
}

test('signed modules: what a build made and signed moves to an edge that trusts its key, and no source map goes with it', async (t) => {
  const { edge, stored, lines } = await edgeOf(t);
  const { device, sightings } = await deviceOf(t, [edge], moduleDirectory(await built));
  const { manifest } = await moduleDirectory(await built).module('sightings', 1);

  const { move } = await offload(device, sightings);

  if (move === undefined) throw new GodwitError('INTERNAL', 'it did not move');
  assertMoved(t, move, { name: 'robot-1', pid: process.pid }, { name: 'edge-1', pid: process.pid });
  t.is(await sightings.see('person'), 2);
  t.deepEqual(stored.map(sha256), [manifest.program]);
  const map = await readFile(join(await built, 'maps', `${manifest.program}.map`));
  t.deepEqual(await edge.execution.findBlobs([manifest.program, sha256(map)]), [manifest.program]);
  t.true(map.includes('sourcesContent'));
  t.false(Buffer.from(stored[0] ?? []).includes('sourcesContent'));
  t.false(lines.some((line) => line.startsWith('edge.trusts-every-module')));
});

const stranger = async ({ manifest, blobs }: Module): Promise<Module> => {
  const other = await mkdtemp(join(tmpdir(), 'godwit-signed-'));
  await build({ sources: sources.slice(0, 1), out: other, signer: createSigner(theirs.privateKey) });
  const signed = (await moduleDirectory(other).module(manifest.definition, manifest.version)).manifest;
  await rm(other, { recursive: true });
  return { manifest: signed, blobs };
};
const other = new TextEncoder().encode('globalThis.godwitGuest = {};');
const withManifest =
  (change: Partial<Manifest>) =>
  ({ manifest, blobs }: Module): Module => ({ manifest: { ...manifest, ...change }, blobs });
const refused: ReadonlyArray<readonly [string, (module: Module) => Module | Promise<Module>, RegExp]> = [
  [
    'nobody signed',
    ({ manifest: { signature: _none, ...manifest }, blobs }) => ({ manifest, blobs }),
    /is not signed: build it with `godwit build --key FILE`/,
  ],
  ['a stranger signed', stranger, new RegExp(`does not trust key ${theirs.key}, which signed it: give it that public key, or sign with a key it trusts`)],
  [
    'somebody put another program into',
    ({ manifest, blobs }) => ({
      manifest: { ...manifest, program: sha256(other), programBytes: other.length },
      blobs: new Map([...blobs, [sha256(other), other]]),
    }),
    /is not what key \w+ signed/,
  ],
  ['somebody allowed more host functions', withManifest({ hostFunctions: ['place', 'disk'] }), /is not what key/],
  [
    'somebody replaced the manifest of, keeping the signature of another',
    async ({ manifest, blobs }) => {
      const { signature } = (await moduleDirectory(await built).module('shared-map', 1)).manifest;
      return { manifest: { ...manifest, ...(signature === undefined ? {} : { signature }) }, blobs };
    },
    /the signature is another module's/,
  ],
];

for (const [what, change, reason] of refused) {
  test(`signed modules: a module that ${what} is refused before its blobs are asked for; the actor goes on at home`, async (t) => {
    const { edge, stored, lines } = await edgeOf(t);
    const { device, sightings } = await deviceOf(t, [edge], changed(change));

    const error = await assertStays(t, device, sightings, 2);

    t.is(error.code, 'UNAUTHENTICATED');
    t.is(error.node, 'edge-1');
    t.regex(error.message, reason);
    t.is(lines.filter((line) => line.startsWith('module.refused')).length, 1);
    t.deepEqual(stored, []);
    t.deepEqual(await edge.execution.findBlobs([(await moduleDirectory(await built).module('sightings', 1)).manifest.program]), []);
    t.deepEqual(edge.remote.reservations(), []);
  });
}

test('signed modules: other bytes under the name of the signed program are refused when they come', async (t) => {
  const { edge } = await edgeOf(t);
  const { manifest } = await moduleDirectory(await built).module('sightings', 1);
  const honest = createMemoryBlobs({ digest: nodeDigest });
  const lying: Blobs = { ...honest, get: async (hash) => (hash === manifest.program ? other : honest.get(hash)) };
  const { device, sightings } = await deviceOf(t, [edge], moduleDirectory(await built), lying);

  const error = await assertStays(t, device, sightings, 2);

  t.is(error.code, 'DATA_LOSS');
  t.deepEqual(await edge.execution.findBlobs([manifest.program, sha256(other)]), []);
});

test('signed modules: a damaged build, and one of another state than the definition that runs, leave the actor at home', async (t) => {
  const { edge } = await edgeOf(t);
  const copy = async () => {
    const path = await folder(t);
    await cp(await built, path, { recursive: true });
    return path;
  };
  const torn = await copy();
  const { manifest } = await moduleDirectory(torn).module('sightings', 1);
  await truncate(join(torn, 'blobs', manifest.program), 100);
  const stale = await copy();
  const file = join(stale, 'manifests', 'sightings@1.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace(manifest.stateSchema as string, 'f'.repeat(64)));

  for (const [path, code, message] of [
    [torn, 'DATA_LOSS', /module of sightings v1 is damaged: .* hashes to/],
    [stale, 'FAILED_PRECONDITION', /was built for another state than the sightings that runs here: build it again/],
  ] as const) {
    const { device, sightings } = await deviceOf(t, [edge], moduleDirectory(path));
    const error = await assertStays(t, device, sightings, 2);
    await device.close();

    t.is(error.code, code);
    t.regex(error.message, message);
  }
});

test('signed modules: an edge that was not told whom to trust runs every module, and says so once', async (t) => {
  const { edge, lines } = await edgeOf(t, { trust: undefined });
  const { device, sightings } = await deviceOf(
    t,
    [edge],
    changed(({ manifest: { signature: _none, ...manifest }, blobs }) => ({ manifest, blobs })),
  );

  const { move } = await offload(device, sightings);

  t.is(move?.to.node, 'edge-1');
  t.is(lines.filter((line) => line.startsWith('edge.trusts-every-module')).length, 1);
});

test('signed modules: the signature goes along from edge to edge; one that does not trust it leaves the actor where it is', async (t) => {
  const [one, two, three] = await Promise.all([
    edgeOf(t),
    edgeOf(t, { name: 'edge-2', trust: [theirs.publicKey, ours.publicKey] }),
    edgeOf(t, { name: 'edge-3', trust: [theirs.publicKey] }),
  ]);
  const { device, sightings } = await deviceOf(t, [one.edge, two.edge, three.edge], moduleDirectory(await built));
  await offload(device, sightings);

  const { move } = await offload(device, sightings, 'edge-2');
  const error = GodwitError.from(await t.throwsAsync(offload(device, sightings, 'edge-3')));

  t.deepEqual([move?.from.node, move?.to.node], ['edge-1', 'edge-2']);
  t.is(error.code, 'UNAUTHENTICATED');
  t.regex(error.message, new RegExp(`node edge-3 does not run the module of sightings v1: the node does not trust key ${ours.key}`));
  t.is(await sightings.see('person'), 2);
  t.is(device.node.where(sightings.$address)?.node, 'edge-2');
});

test('signed modules: an edge that starts again without a key brings back no actor that it signed, until it is trusted again', async (t) => {
  const dataDir = await folder(t);
  const first = await edgeOf(t, { dataDir });
  const { port } = first.edge;
  const { device } = await deviceOf(t, [first.edge], moduleDirectory(await built));
  const map = spawn(device, SharedMap, 'map');
  await map.see('person');
  const [offer] = await device.offload.request(map, { sharedName: 'map' });
  await device.offload.accept(offer);
  t.is(first.edge.node.homeOf(map.$address), 'edge-1');
  await first.edge.close();

  const untrusting = await edgeOf(t, { dataDir, port, trust: [theirs.publicKey] });
  t.regex(await untrusting.refusal, /robot-1\/map.*does not trust key/);
  t.deepEqual(untrusting.edge.execution.instances(untrusting.edge.node.actors()), []);
  await untrusting.edge.close();
  await edgeOf(t, { dataDir, port });

  t.deepEqual(await map.all(undefined, { timeoutMs: 20_000 }), ['person']);
});
