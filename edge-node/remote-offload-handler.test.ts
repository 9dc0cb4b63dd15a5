import test from 'ava';
import { GodwitError, type Hash, type Manifest, type MoveReport, type MoveRequest, type NodeEvent } from '#core';
import { createManualClock } from '#runtimes/platform';
import type { Assignment, AssignmentEvent } from './offers.js';
import { RemoteOffloadHandler } from './remote-offload-handler.js';

const assignment: Assignment = {
  token: 't1',
  actor: 'robot-1/map',
  definition: 'map',
  version: 2,
  device: 'robot-1',
  memoryBytes: 100,
  sharedName: undefined,
  tier: undefined,
};
const manifest: Manifest = {
  definition: 'map',
  version: 1,
  tier: 'script',
  program: '0'.repeat(64) as Hash,
  programBytes: 1,
  hostFunctions: [],
  models: {},
  needs: { memoryBytes: 0, models: [] },
  limits: {},
};
const request: MoveRequest = { move: 'm', address: 'robot-1/map', definition: 'map', version: 2, manifest, token: 't1', source: 'robot-1' };
const arrived: NodeEvent = { type: 'arrived', actor: 'robot-1/map', from: 'robot-1', tier: 'script', place: 'here', epoch: 2 };

function handler() {
  const clock = createManualClock();
  const remote = new RemoteOffloadHandler({
    host: 'edge-1',
    clock,
    limits: { memoryBytes: 250, instances: 2 },
    chooseTier: () => 'script',
    assignmentMs: 1000,
  });
  const events: AssignmentEvent['type'][] = [];
  remote.observe((event) => events.push(event.type));
  return { clock, remote, events };
}

test('remote offload handler: admits the actor whose offer was accepted, and no other', async (t) => {
  const { remote } = handler();
  await remote.assign(assignment);
  const codeOf = (wrong: Partial<MoveRequest>) => t.throws(() => remote.admit({ ...request, ...wrong }), { instanceOf: GodwitError })?.code;

  t.is(codeOf({ token: '' }), 'PERMISSION_DENIED');
  t.is(codeOf({ address: 'robot-1/other' }), 'PERMISSION_DENIED');
  t.is(codeOf({ definition: 'other' }), 'PERMISSION_DENIED');
  t.is(codeOf({ version: 1 }), 'PERMISSION_DENIED', 'the offer was for later code');
  t.deepEqual(remote.admit(request), { tier: 'script' });
});

test('remote offload handler: admits the actor with later code than the offer was for', async (t) => {
  const { remote } = handler();
  await remote.assign(assignment);

  t.deepEqual(remote.admit({ ...request, version: 3 }), { tier: 'script' });
});

test('remote offload handler: the holder of a token may hand it on to the host where its actor is', async (t) => {
  const { remote } = handler();
  await remote.assign(assignment);

  t.deepEqual(remote.admit({ ...request, source: 'edge-2' }), { tier: 'script' });
  remote.follow({ ...arrived, from: 'edge-2' });
  t.regex(t.throws(() => remote.admit({ ...request, source: 'edge-3' }), { instanceOf: GodwitError })?.message ?? '', /from edge-3: its token was used/);
});

test('remote offload handler: a token is used up when its actor has arrived', async (t) => {
  const { remote, events } = handler();
  await remote.assign(assignment);
  remote.admit(request);
  remote.follow(arrived);

  t.regex(t.throws(() => remote.admit(request), { instanceOf: GodwitError })?.message ?? '', /its token was used/);
  t.deepEqual(events, ['running']);
  t.like(remote.reservations()[0], { status: 'running', expiresInMs: undefined });
});

test('remote offload handler: an assignment that is not used in time ends', async (t) => {
  const { clock, remote, events } = handler();
  await remote.assign(assignment);
  await clock.advance(1000);

  t.deepEqual(events, ['ended']);
  t.is(t.throws(() => remote.admit(request), { instanceOf: GodwitError })?.code, 'PERMISSION_DENIED');
});

test('remote offload handler: notices that an actor was recalled or stopped, and has room again', async (t) => {
  const { remote, events } = handler();
  const recalled = { actor: 'robot-1/map', from: { node: 'edge-1' }, to: { node: 'robot-1' } } as MoveReport;
  for (const gone of [
    { type: 'moved', report: recalled },
    { type: 'stopped', actor: 'robot-1/map', reason: 'fenced' },
  ] satisfies NodeEvent[]) {
    await remote.assign(assignment);
    remote.follow(arrived);
    remote.follow(gone);
  }

  t.deepEqual(events, ['running', 'ended', 'running', 'ended']);
  t.deepEqual(remote.reservations(), []);
});

test('remote offload handler: refuses what is over the limits of its host, whoever assigns', async (t) => {
  const { remote } = handler();
  await remote.assign(assignment);

  const memory = await t.throwsAsync(remote.assign({ ...assignment, token: 't2', memoryBytes: 151 }), { instanceOf: GodwitError });
  await remote.assign({ ...assignment, token: 't3' });
  const instances = await t.throwsAsync(remote.assign({ ...assignment, token: 't4', memoryBytes: 1 }), { instanceOf: GodwitError });

  t.is(memory?.code, 'RESOURCE_EXHAUSTED');
  t.regex(memory?.message ?? '', /250 bytes.*251/);
  t.is(instances?.code, 'RESOURCE_EXHAUSTED');
});
