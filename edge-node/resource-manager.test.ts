import test from 'ava';
import { GodwitError, type Random } from '#core';
import { createManualClock } from '#runtimes/platform';
import type { Assignment, AssignmentEvent, Host, HostFacts, HostNeeds, OffloadRequest } from './offers.js';
import { OffloadManager } from './offload-manager.js';
import { ResourceManager } from './resource-manager.js';
import { SharedNames } from './shared-names.js';

const MiB = 1024 * 1024;

/** A host that takes what it is assigned, and says what it is told to say. */
function fakeHost(facts: Partial<HostFacts> & { name: string }) {
  const listeners = new Set<(event: AssignmentEvent) => void>();
  const assigned: Assignment[] = [];
  const host: Host = {
    facts: {
      url: `http://${facts.name}`,
      tiers: [{ tier: 'script', operationsPerSecond: 1e6, benchmark: 'test' }],
      nativeDefinitions: [],
      hostFunctions: [],
      models: [],
      memoryBytes: 256 * MiB,
      instances: 4,
      ...facts,
    },
    remote: {
      assign: async (assignment) => {
        assigned.push(assignment);
        return 30_000;
      },
      release: async () => {},
      observe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
  const tell = (event: AssignmentEvent) => {
    for (const listener of listeners) listener(event);
  };
  return { host, assigned, tell };
}

function counting(): Random {
  let n = 0;
  return { bytes: (length) => new Uint8Array(length).fill(++n) };
}

function request(more: Partial<Omit<OffloadRequest, 'needs'>> & { needs?: Partial<HostNeeds> } = {}): OffloadRequest {
  const needs = { memoryBytes: 64 * MiB, hostFunctions: [], models: [], tier: undefined, ...more.needs };
  return { actor: 'robot-1/map', definition: 'map', version: 1, device: 'robot-1', sharedName: undefined, ...more, needs };
}

function cluster(
  hosts: ReadonlyArray<ReturnType<typeof fakeHost>>,
  more: { maxOffloadsPerDevice?: number; authorise?: (request: OffloadRequest) => boolean } = {},
) {
  const clock = createManualClock();
  const resources = new ResourceManager({ clock, random: counting(), offerMs: 1000 });
  for (const { host } of hosts) resources.addHost(host);
  return { clock, resources, manager: new OffloadManager({ name: 'edge-1', resources, names: new SharedNames({ clock }), ...more }) };
}

const free = (resources: ResourceManager) => resources.load().map(({ freeMemoryBytes, freeInstances }) => [freeMemoryBytes / MiB, freeInstances]);

test('resource manager: offers every host that matches, the fastest first, and says why the others do not', (t) => {
  const { resources } = cluster([
    fakeHost({ name: 'slow' }),
    fakeHost({ name: 'fast', tiers: [{ tier: 'script', operationsPerSecond: 5e6, benchmark: 'test' }] }),
    fakeHost({ name: 'small', memoryBytes: 32 * MiB }),
    fakeHost({ name: 'full', instances: 0 }),
    fakeHost({ name: 'native-only', tiers: [{ tier: 'native', operationsPerSecond: 9e9, benchmark: 'test' }] }),
  ]);

  const { offers, refusals } = resources.offer(request());

  t.deepEqual(
    offers.map((offer) => offer.host.name),
    ['fast', 'slow'],
  );
  t.deepEqual(
    refusals.map(({ host, code }) => [host, code]),
    [
      ['small', 'RESOURCE_EXHAUSTED'],
      ['full', 'RESOURCE_EXHAUSTED'],
      ['native-only', 'FAILED_PRECONDITION'],
    ],
  );
  t.regex(refusals[0]?.reason ?? '', /67108864 bytes wanted, 33554432 of 33554432 free/);
});

test('resource manager: a host without a needed host function, model or tier is not offered', (t) => {
  const { resources } = cluster([fakeHost({ name: 'a', hostFunctions: ['image'], models: ['centernet'] })]);
  const reasonOf = (needs: Partial<HostNeeds>) => resources.offer(request({ needs })).refusals[0]?.reason ?? '';

  t.regex(reasonOf({ hostFunctions: ['nn'] }), /no host function 'nn'; it has image/);
  t.regex(reasonOf({ models: ['yolo'] }), /no model 'yolo'; it has centernet/);
  t.regex(reasonOf({ tier: 'native' }), /does not run map on tier native/);
  t.is(resources.offer(request({ needs: { hostFunctions: ['image'], models: ['centernet'], tier: 'script' } })).offers.length, 1);
});

test('resource manager: an offer holds its room until it expires', async (t) => {
  const { clock, resources } = cluster([fakeHost({ name: 'a' })]);
  const [offer] = resources.offer(request()).offers;
  t.deepEqual(free(resources), [[192, 3]]);
  await clock.advance(999);
  t.is(resources.offered(offer?.token ?? '', 'robot-1').assignment.actor, 'robot-1/map');

  await clock.advance(1);

  t.deepEqual(free(resources), [[256, 4]]);
  t.is(t.throws(() => resources.offered(offer?.token ?? '', 'robot-1'), { instanceOf: GodwitError })?.code, 'NOT_FOUND');
});

test('resource manager: a new request for the same actor withdraws the earlier offers, a cancelled offer gives its room back', (t) => {
  const { resources } = cluster([fakeHost({ name: 'a' })]);
  resources.offer(request());
  const [second] = resources.offer(request()).offers;
  t.deepEqual(free(resources), [[192, 3]]);

  resources.cancel(second?.token ?? '', 'robot-2');
  t.deepEqual(free(resources), [[192, 3]]);
  resources.cancel(second?.token ?? '', 'robot-1');

  t.deepEqual(free(resources), [[256, 4]]);
});

test('offload manager: accepting assigns the host and withdraws the other offers of the request', async (t) => {
  const a = fakeHost({ name: 'a' });
  const b = fakeHost({ name: 'b' });
  const { resources, manager } = cluster([a, b]);
  const { offers } = manager.request(request());

  const { assignment } = await manager.accept(offers[0]?.token ?? '', 'robot-1');

  t.like(assignment, { host: 'a', url: 'http://a', token: offers[0]?.token });
  t.is(a.assigned[0]?.actor, 'robot-1/map');
  t.deepEqual(free(resources), [
    [192, 3],
    [256, 4],
  ]);
  t.deepEqual(
    resources.reservations().map(({ host, status }) => [host, status]),
    [['a', 'assigned']],
  );
});

test('offload manager: an offer is accepted once, and acceptances under way count for the quota', async (t) => {
  const a = fakeHost({ name: 'a' });
  const { manager } = cluster([a], { maxOffloadsPerDevice: 1 });
  const token = manager.request(request()).offers[0]?.token ?? '';
  const other = manager.request(request({ actor: 'robot-1/other' })).offers[0]?.token ?? '';

  const first = manager.accept(token, 'robot-1');
  const again = await t.throwsAsync(manager.accept(token, 'robot-1'), { instanceOf: GodwitError });
  const beyond = await t.throwsAsync(manager.accept(other, 'robot-1'), { instanceOf: GodwitError });

  t.is((await first).assignment?.host, 'a');
  t.is(again?.code, 'ABORTED');
  t.is(beyond?.code, 'RESOURCE_EXHAUSTED');
  t.is(a.assigned.length, 1);
});

test('offload manager: an offer is bound to its device', async (t) => {
  const { manager } = cluster([fakeHost({ name: 'a' })]);
  const { offers } = manager.request(request());

  const error = await t.throwsAsync(manager.accept(offers[0]?.token ?? '', 'robot-2'), { instanceOf: GodwitError });

  t.is(error?.code, 'NOT_FOUND');
});

test('offload manager: a running actor keeps its room without a time limit, until its host says that it left', async (t) => {
  const a = fakeHost({ name: 'a' });
  const { clock, resources, manager } = cluster([a]);
  const { offers } = manager.request(request());
  await manager.accept(offers[0]?.token ?? '', 'robot-1');
  const assignment = a.assigned[0];
  a.tell({ type: 'running', assignment, epoch: 2 });
  await clock.advance(3_600_000);
  t.deepEqual(free(resources), [[192, 3]]);

  a.tell({ type: 'ended', assignment, reason: 'moved to robot-1' });

  t.deepEqual(free(resources), [[256, 4]]);
});

test("offload manager: over a device's quota there is no offer, with the reason", async (t) => {
  const { manager } = cluster([fakeHost({ name: 'a' })], { maxOffloadsPerDevice: 1 });
  await manager.accept(manager.request(request()).offers[0]?.token ?? '', 'robot-1');

  const mine = manager.request(request({ actor: 'robot-1/other' }));
  const theirs = manager.request(request({ actor: 'robot-2/map', device: 'robot-2' }));

  t.is(mine.offers.length, 0);
  t.like(mine.refusals[0], { code: 'RESOURCE_EXHAUSTED', reason: 'device robot-1 has 1 offloads of the 1 it may have' });
  t.is(theirs.offers.length, 1);
});

test('offload manager: a device that is not authorised is refused', (t) => {
  const { manager } = cluster([fakeHost({ name: 'a' })], { authorise: ({ device }) => device !== 'robot-1' });

  t.is(t.throws(() => manager.request(request()), { instanceOf: GodwitError })?.code, 'PERMISSION_DENIED');
});

test('offload manager: a shared name is registered when its actor runs, later requests are redirected, and it is free when the actor left', async (t) => {
  const a = fakeHost({ name: 'a' });
  const { manager } = cluster([a]);
  const shared = (n: number) => request({ actor: `robot-${n}/map`, device: `robot-${n}`, sharedName: 'map' });
  await manager.accept(manager.request(shared(1)).offers[0]?.token ?? '', 'robot-1');
  t.is(manager.request(shared(2)).redirect, undefined);
  a.tell({ type: 'running', assignment: a.assigned[0], epoch: 2 });

  const answer = manager.request(shared(2));

  t.deepEqual(answer, { offers: [], redirect: { actor: 'robot-1/map', definition: 'map', version: 1, host: 'a', url: 'http://a', epoch: 2 }, refusals: [] });
  t.deepEqual(
    manager.sharedNames().map(({ name, at }) => [name, at.actor]),
    [['map', 'robot-1/map']],
  );
  a.tell({ type: 'ended', assignment: a.assigned[0], reason: 'moved' });
  t.is(manager.request(shared(2)).offers.length, 1);
});

test('offload manager: of two that accept under one shared name, the second waits and is redirected, or goes on if the first gave up', async (t) => {
  const a = fakeHost({ name: 'a' });
  const { manager } = cluster([a]);
  const tokens = [1, 2, 3].map((n) => manager.request(request({ actor: `robot-${n}/map`, device: `robot-${n}`, sharedName: 'map' })).offers[0]?.token ?? '');
  await manager.accept(tokens[0], 'robot-1');
  const second = manager.accept(tokens[1], 'robot-2');
  const third = manager.accept(tokens[2], 'robot-3');
  t.is(a.assigned.length, 1);

  a.tell({ type: 'ended', assignment: a.assigned[0], reason: 'did not come' });
  t.is((await second).assignment?.host, 'a');
  a.tell({ type: 'running', assignment: a.assigned[1], epoch: 2 });

  t.is((await third).redirect?.actor, 'robot-2/map');
  t.is(a.assigned.length, 2);
});

test('offload manager: closed, it answers nothing', async (t) => {
  const { manager } = cluster([fakeHost({ name: 'a' })]);
  const { offers } = manager.request(request());
  manager.close();

  t.is(t.throws(() => manager.request(request()), { instanceOf: GodwitError })?.code, 'UNAVAILABLE');
  t.is((await t.throwsAsync(manager.accept(offers[0]?.token ?? '', 'robot-1'), { instanceOf: GodwitError }))?.code, 'UNAVAILABLE');
});
