import test from 'ava';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';
import { createHome, stepHome } from './home.js';
import type { HomeState } from './home-state.js';
import { createOwner, mayRun, stepOwner } from './owner.js';
import { competing, createRegister, propose, recordBase, takeOver } from './register.js';
import { createSource, stepSource } from './source.js';
import type { SourceEvent, SourceState } from './source-state.js';
import { answerStray } from './stray.js';
import { createTarget, stepTarget, type TargetEvent, type TargetState } from './target.js';
import { type Capture, defaultTimings, type MigrationMessage, type MoveId, type MovePlan, type NodeId, type Proposal, type Register } from './types.js';

const device: NodeId = { name: 'device', boot: '1' };
const edge: NodeId = { name: 'edge', boot: '1' };
const move = 'm1' as MoveId;
const actor = 'device/map';
const capture: Capture = { hash: 'h7' as Hash, turns: 7, sizeBytes: 100 };
const manifest: Manifest = {
  definition: 'map',
  version: 1,
  tier: 'script',
  program: 'p' as Hash,
  programBytes: 1,
  hostFunctions: [],
  models: {},
  needs: { memoryBytes: 0, models: [] },
  limits: {},
};
const plan: MovePlan = {
  move,
  actor,
  epoch: 1,
  source: device,
  target: edge,
  home: 'device',
  manifest,
  blobs: ['p' as Hash],
  expectedBytes: 100,
  timings: defaultTimings,
};
const reason = { code: 'CANCELLED', message: 'recalled', retryable: true } as const;
const proposal: Proposal = { move, expect: { owner: device, epoch: 1 }, next: { owner: edge, base: { hash: capture.hash, turns: 7 }, standby: device } };
const first = createRegister(device, 2000);
const committed = propose(first, proposal).register;

const by = (from: NodeId, epoch = 1) => ({ move, actor, epoch, from });
const told = (message: MigrationMessage, nowMs = 0) => ({ type: 'message', message, nowMs }) as const;
const types = (step: { effects: readonly { type: string }[] }) => step.effects.map((effect) => effect.type).filter((type) => !type.endsWith('Timer'));
const sent = (step: { effects: readonly { type: string; message?: unknown }[] }) =>
  step.effects.filter((e) => e.type === 'send').map((e) => (e.message as MigrationMessage).type);

function sourceAfter(...events: SourceEvent[]): SourceState {
  return events.reduce<SourceState>((state, event) => stepSource(state, event).state, createSource());
}
function targetAfter(...events: TargetEvent[]): TargetState {
  return events.reduce<TargetState>((state, event) => stepTarget(state, event).state, createTarget(edge));
}
const begin: SourceEvent = { type: 'begin', plan, nowMs: 0 };
const warmed = told({ type: 'warmed', ...by(edge) });
const frozen: SourceEvent = { type: 'frozen', capture, nowMs: 0 };
const ready = told({ type: 'ready', ...by(edge), hash: capture.hash }, 50);
const decided = (register: Register, won = true) => told({ type: 'decided', ...by(device, register.epoch), won, register, askedAtMs: 50 }, 60);
const prepare: TargetEvent = told({
  type: 'prepare',
  ...by(device),
  target: edge,
  home: 'device',
  manifest,
  blobs: plan.blobs,
  expectedBytes: 100,
  timings: defaultTimings,
});
const warm: TargetEvent[] = [prepare, { type: 'reserved', missing: [], nowMs: 0 }, { type: 'instanceWarmed', nowMs: 0 }];
const arrived = told({ type: 'capture', ...by(device), capture });
const restored: TargetEvent = { type: 'restored', hash: capture.hash, nowMs: 100 };
const grant = (epoch: number, askedAtMs?: number, to = edge) =>
  ({ type: 'grant', ...by(device, epoch), owner: to, leaseMs: 2000, ...(askedAtMs === undefined ? {} : { askedAtMs }) }) as const;

test('register: a proposal that expects the present owner wins at the next epoch', (t) => {
  t.deepEqual(committed, { ...first, epoch: 2, owner: edge, move, base: { hash: capture.hash, turns: 7 }, standby: device });
});

test('register: a proposal that has won wins again and changes nothing, its competitor loses', (t) => {
  t.deepEqual(propose(committed, proposal), { won: true, register: committed });
  t.deepEqual(propose(committed, competing(proposal)), { won: false, register: committed });
});

test('register: after the competing proposal has won the first one loses', (t) => {
  const kept = propose(first, competing(proposal)).register;

  t.like(kept, { epoch: 2, owner: device });
  t.false(propose(kept, proposal).won);
});

test('register: the base advances for the owner of this epoch only, and never back', (t) => {
  const base = { hash: 'h9' as Hash, turns: 9 };

  t.deepEqual(recordBase(committed, edge, 2, base, device).base, base);
  t.is(recordBase(committed, edge, 1, base, device), committed);
  t.is(recordBase(committed, { name: 'edge', boot: '2' }, 2, base, device), committed);
  t.is(recordBase(committed, edge, 2, { hash: 'h3' as Hash, turns: 3 }, device), committed);
});

test('source: freezes once the target is warm, proposes once it is ready, and retains its copy after commit', (t) => {
  t.deepEqual(types(stepSource(sourceAfter(begin), warmed)), ['freeze']);
  t.deepEqual(types(stepSource(sourceAfter(begin, warmed), frozen)), ['sendCapture']);
  const proposing = stepSource(sourceAfter(begin, warmed, frozen), ready);
  t.deepEqual(types(proposing), ['handOver', 'send']);
  t.deepEqual(sent(proposing), ['propose']);
  const done = stepSource(proposing.state, decided(committed));

  t.deepEqual(types(done), ['moved', 'report']);
  t.is(done.state.phase, 'committed');
});

test('source: whatever fails before the proposal thaws the actor at its epoch and tells the target', (t) => {
  const phases = [[begin], [begin, warmed], [begin, warmed, frozen]];
  const ends: SourceEvent[] = [
    { type: 'cancel', reason, nowMs: 1 },
    { type: 'failed', reason, nowMs: 1 },
    { type: 'peerLost', peer: 'edge', nowMs: 1 },
    told({ type: 'refused', ...by(edge), reason }),
  ];
  for (const events of phases) {
    for (const end of ends) {
      const step = stepSource(sourceAfter(...events), end);
      t.is(step.state.phase, 'givenUp');
      t.deepEqual(types(step), events.length === 1 ? ['send', 'report'] : ['thaw', 'send', 'report']);
      t.deepEqual(sent(step), ['cancel']);
    }
  }
});

test('source: a turn that does not end within the freeze timeout ends the move', (t) => {
  const step = stepSource(sourceAfter(begin, warmed), { type: 'timer', timer: 'freeze', nowMs: 1000 });

  t.is(step.state.phase, 'givenUp');
  t.deepEqual(types(step), ['thaw', 'send', 'report']);
});

test('source: READY with another hash is a refusal', (t) => {
  const step = stepSource(sourceAfter(begin, warmed, frozen), told({ type: 'ready', ...by(edge), hash: 'other' as Hash }));

  t.is(step.state.phase, 'givenUp');
});

test('source: having proposed it asks again, and gives up only by the competing proposal', (t) => {
  const proposing = sourceAfter(begin, warmed, frozen, ready);
  t.deepEqual(sent(stepSource(proposing, { type: 'timer', timer: 'propose', nowMs: 300 })), ['propose']);
  const stopping = stepSource(proposing, { type: 'cancel', reason, nowMs: 400 });
  t.deepEqual(types(stopping), ['send']);
  const back = stepSource(stopping.state, decided(propose(first, competing(proposal)).register));

  t.deepEqual(back.effects[1], { type: 'activate', epoch: 2, leaseUntilMs: Number.POSITIVE_INFINITY });
  t.is(stepSource(stopping.state, decided(committed, false)).state.phase, 'committed');
});

test('source: an owner it has not heard of, at a later epoch, supersedes it', (t) => {
  const third = { ...first, epoch: 2, owner: { name: 'other', boot: '1' } };
  const step = stepSource(sourceAfter(begin, warmed, frozen, ready), decided(third, false));

  t.is(step.state.phase, 'superseded');
  t.deepEqual(types(step), ['dropCopy', 'report']);
});

test('source: keeps its copy until the register shows the base elsewhere', (t) => {
  const retaining = sourceAfter(begin, warmed, frozen, ready, decided(committed));
  const shown = (register: Register) => stepSource(retaining, told({ type: 'registered', ...by(device, 2), register }));

  t.is(shown(committed).state.phase, 'committed');
  t.is(shown(takeOver(committed, device)).state.phase, 'committed');
  const gone = shown(recordBase(committed, edge, 2, { hash: 'h8' as Hash, turns: 8 }, device));
  t.deepEqual(types(gone), ['dropCopy', 'report', 'report']);
});

test('source: an actor that came back by a later move releases the copy of an earlier one', (t) => {
  const later = told({ ...grant(3, undefined, device), move: 'm2' as MoveId });

  t.is(stepSource(sourceAfter(begin, warmed, frozen, ready), later).state.phase, 'done');
});

test('source: events of another move change nothing', (t) => {
  const state = sourceAfter(begin, warmed, frozen);

  t.is(stepSource(state, told({ type: 'ready', ...by(edge), move: 'm2' as MoveId, hash: capture.hash })).state, state);
});

test('target: gets what is missing, warms, restores, and says READY without running', (t) => {
  const asked = stepTarget(targetAfter(prepare), { type: 'reserved', missing: plan.blobs, nowMs: 0 });
  t.deepEqual(sent(asked), ['prepared']);
  t.deepEqual(types(stepTarget(asked.state, told({ type: 'blobs', ...by(device), hashes: plan.blobs }))), ['obtainBlobs']);
  t.deepEqual(types(stepTarget(targetAfter(...warm), arrived)), ['restore']);
  const step = stepTarget(targetAfter(...warm, arrived), restored);

  t.deepEqual(types(step), ['send']);
  t.deepEqual(sent(step), ['ready']);
});

test('target: runs by the grant of its epoch, with a lease that counts from READY', (t) => {
  const step = stepTarget(targetAfter(...warm, arrived, restored), told(grant(2), 150));

  t.deepEqual(step.effects[0], { type: 'run', epoch: 2, leaseUntilMs: 2100, leaseMs: 2000 });
  t.deepEqual(sent(step), ['running']);
});

test('target: refuses a grant of another epoch, of another home, or to another life', (t) => {
  const state = targetAfter(...warm, arrived, restored);

  for (const wrong of [grant(3), { ...grant(2), from: { name: 'liar', boot: '1' } }, grant(2, undefined, { name: 'edge', boot: '2' })])
    t.deepEqual(types(stepTarget(state, told(wrong, 150))), ['refuse']);
});

test('target: a grant that comes after its lease is asked for again', (t) => {
  const late = stepTarget(targetAfter(...warm, arrived, restored), told(grant(2), 2100));
  t.deepEqual(sent(late), ['query', 'ready']);

  t.like(stepTarget(late.state, told(grant(2, 2100), 2150)).effects[0], { type: 'run', leaseUntilMs: 4100 });
});

test('target: before READY the loss of the source discards, after READY it does not', (t) => {
  const lost: TargetEvent = { type: 'peerLost', peer: 'device', nowMs: 1 };

  t.deepEqual(types(stepTarget(targetAfter(...warm), lost)), ['discard']);
  t.deepEqual(types(stepTarget(targetAfter(...warm, arrived, restored), lost)), []);
});

test('target: a cancel counts from the life of the source that proposes, and no longer once it runs', (t) => {
  const state = targetAfter(...warm, arrived, restored);
  const cancel = (from: NodeId) => told({ type: 'cancel', ...by(from), reason });

  t.deepEqual(types(stepTarget(state, cancel({ name: 'device', boot: '2' }))), []);
  t.deepEqual(types(stepTarget(state, cancel(device))), ['discard']);
  t.deepEqual(types(stepTarget(stepTarget(state, told(grant(2), 150)).state, cancel(device))), []);
});

test('target: refuses a capture whose bytes hash to something else', (t) => {
  const step = stepTarget(targetAfter(...warm, arrived), { type: 'restored', hash: 'other' as Hash, nowMs: 1 });

  t.deepEqual(types(step), ['discard', 'send']);
  t.deepEqual(sent(step), ['refused']);
});

test('target: its reservation expires', (t) => {
  t.deepEqual(types(stepTarget(targetAfter(...warm), { type: 'timer', timer: 'reservation', nowMs: 45_000 })), ['discard', 'send']);
});

test('target: refuses a prepare for another life of its node', (t) => {
  const step = stepTarget(createTarget({ name: 'edge', boot: '2' }), prepare);

  t.is(step.state.phase, 'idle');
  t.deepEqual(sent(step), ['refused']);
});

const ownership = { actor, move, self: edge, home: 'device', epoch: 2, timings: defaultTimings };

test('owner: pauses when its lease ends and resumes at the same epoch when it is renewed', (t) => {
  const owner = createOwner(ownership, 2000, 0).state;
  t.true(mayRun(owner, 1999));
  t.false(mayRun(owner, 2000));
  const paused = stepOwner(owner, { type: 'timer', timer: 'lease', nowMs: 2000 });
  t.deepEqual(types(paused), ['pause', 'send']);

  t.deepEqual(types(stepOwner(paused.state, told(grant(2, 2000), 2100))), ['resume']);
  t.deepEqual(types(stepOwner(paused.state, told(grant(2, 50), 2100))), [], 'a grant for an old question leases nothing');
});

test('owner: a lease without an end has no timer, not even when it is granted again', (t) => {
  const atHome = createOwner({ ...ownership, self: device }, Number.POSITIVE_INFINITY, 0);
  t.deepEqual(atHome.effects, []);
  const endless = { ...grant(2, 10, device), leaseMs: Number.POSITIVE_INFINITY };

  const again = stepOwner(atHome.state, told(endless, 20));
  t.deepEqual(again.effects, []);
  t.true(mayRun(again.state, 1e15));
  t.deepEqual(stepOwner(again.state, { type: 'timer', timer: 'lease', nowMs: 30 }).effects, [], 'one that was armed before is not armed again');
});

test('owner: destroys its copy when there is a later owner', (t) => {
  const step = stepOwner(createOwner(ownership, 2000, 0).state, told({ type: 'registered', ...by(device, 3), register: takeOver(committed, device) }));

  t.deepEqual(types(step), ['destroy']);
  t.is(step.state.phase, 'fenced');
});

test('owner: announces a stable checkpoint until the register shows it', (t) => {
  const stable = { base: { hash: 'h9' as Hash, turns: 9 }, standby: device };
  const step = stepOwner(createOwner(ownership, 2000, 0).state, { type: 'checkpointStable', stable, nowMs: 10 });
  t.deepEqual(sent(step), ['stable']);
  t.deepEqual(sent(stepOwner(step.state, { type: 'timer', timer: 'stable', nowMs: 600 })), ['stable']);

  const shown = stepOwner(step.state, told({ type: 'registered', ...by(device, 2), register: recordBase(committed, edge, 2, stable.base, device) }));
  t.is(shown.state.announcing, undefined);
});

const home = createHome(actor, device, first, defaultTimings);
const leased: HomeState = { ...home, register: committed };

test('home: puts the register on disk, then grants to the new owner, then answers', (t) => {
  const step = stepHome(home, told({ type: 'propose', ...by(device), proposal, askedAtMs: 50 }));

  t.deepEqual(types(step), ['persist', 'send', 'send']);
  t.deepEqual(sent(step), ['grant', 'decided']);
  t.is(stepHome(home, told({ type: 'propose', ...by(edge), proposal, askedAtMs: 50 })).state, home, 'only the owner proposes');
});

test('home: takes over from the last base when the lease ends, and runs it as a new incarnation', (t) => {
  const step = stepHome(leased, { type: 'timer', timer: 'lease', nowMs: 2100 });
  t.deepEqual(types(step), ['persist', 'report', 'restore']);
  t.like(step.state.register, { epoch: 3, owner: device });

  const running = stepHome(step.state, { type: 'restored', nowMs: 2110 });
  t.like(
    running.effects.find((e) => e.type === 'runHere'),
    { epoch: 3, incarnation: 3 },
  );
});

test('home: takes over at once from a node that lives another life', (t) => {
  t.like(stepHome(leased, { type: 'nodeSeen', node: { name: 'edge', boot: '2' }, nowMs: 5 }).state.register, { epoch: 3, owner: device });
  t.is(stepHome(leased, { type: 'nodeSeen', node: edge, nowMs: 5 }).state, leased);
});

test('home: tells a late old owner of the register, and leases the same epoch again if nobody took over', (t) => {
  const query = told({ type: 'query', ...by(edge, 2), askedAtMs: 9 });

  t.deepEqual(sent(stepHome(leased, query)), ['grant']);
  t.deepEqual(sent(stepHome({ ...leased, register: takeOver(committed, device) }, query)), ['registered']);
});

test('home: tries again when the standby cannot be reached, and says so when there was never a checkpoint', (t) => {
  const restoring = stepHome(leased, { type: 'timer', timer: 'lease', nowMs: 2100 }).state;
  const failed = stepHome(restoring, { type: 'failed', reason, nowMs: 2200 });
  t.deepEqual(types(failed), ['report']);
  t.deepEqual(types(stepHome(failed.state, { type: 'timer', timer: 'restore', nowMs: 2500 })), ['restore']);

  const bare = { ...home, register: { ...first, owner: edge } };
  t.is(stepHome(bare, { type: 'timer', timer: 'lease', nowMs: 2100 }).state.phase, 'lost');
});

test('home: gets a base that another node keeps before the register changes, so that an owner which was only away goes on', (t) => {
  const elsewhere: HomeState = { ...leased, register: { ...committed, standby: { name: 'third', boot: '1' } } };
  const fetching = stepHome(elsewhere, { type: 'timer', timer: 'lease', nowMs: 2100 });
  t.deepEqual(types(fetching), ['obtain']);
  t.is(fetching.state.register, elsewhere.register);
  const failed = stepHome(fetching.state, { type: 'failed', reason, nowMs: 2200 });
  t.deepEqual(types(stepHome(failed.state, { type: 'timer', timer: 'restore', nowMs: 2500 })), ['obtain']);

  const back = stepHome(failed.state, told({ type: 'query', ...by(edge, 2), askedAtMs: 9 }));
  t.deepEqual([sent(back), back.state.phase], [['grant'], 'settled']);
  t.is(stepHome(back.state, { type: 'obtained', hash: committed.base?.hash as Hash, nowMs: 2600 }).state, back.state, 'too late');

  t.is(stepHome(failed.state, { type: 'obtained', hash: 'another' as Hash, nowMs: 2600 }).state, failed.state);
  const taken = stepHome(failed.state, { type: 'obtained', hash: committed.base?.hash as Hash, nowMs: 2600 });
  t.deepEqual(types(taken), ['persist', 'report', 'restore', 'send']);
  t.like(taken.state.register, { epoch: 3, owner: device, standby: device });
});

test('home: an owner whose life is over loses the register at once, wherever the base is', (t) => {
  const standby: NodeId = { name: 'third', boot: '1' };
  const elsewhere: HomeState = { ...leased, register: { ...committed, standby } };
  const missed = stepHome(elsewhere, { type: 'timer', timer: 'lease', nowMs: 2100 }).state;
  for (const before of [elsewhere, missed]) {
    const over = stepHome(before, { type: 'nodeSeen', node: { name: 'edge', boot: '2' }, nowMs: 2200 });
    t.deepEqual(types(over), ['persist', 'report', 'obtain']);
    t.like(over.state.register, { epoch: 3, owner: device, standby });

    t.deepEqual(types(stepHome(over.state, { type: 'timer', timer: 'restore', nowMs: 2500 })), ['obtain']);
    const query = told({ type: 'query', ...by(device, 3), askedAtMs: 9 });
    t.deepEqual(sent(stepHome(over.state, query)), ['registered'], 'there is nothing to run yet');
    const here = stepHome(over.state, { type: 'obtained', hash: committed.base?.hash as Hash, nowMs: 2600 });
    t.deepEqual(types(here), ['persist', 'restore', 'send']);
    t.like(here.state.register, { epoch: 3, owner: device, standby: device });
  }
});

test('home: after a restart it waits one full lease of a foreign owner', (t) => {
  t.deepEqual(stepHome(leased, { type: 'restarted', nowMs: 0 }).effects, [{ type: 'startTimer', timer: 'lease', delayMs: 2100 }]);
});

test('migration: a source, a target and an owner that hear of another home turn to it', (t) => {
  const to = (step: { effects: readonly { type: string; to?: unknown }[] }) => step.effects.filter(({ type }) => type === 'send').map((effect) => effect.to);
  const rehomed = { type: 'rehomed', home: 'site', nowMs: 100 } as const;

  const source = stepSource(sourceAfter(begin, warmed, frozen, ready), rehomed);
  t.deepEqual([sent(source), to(source)], [['propose'], ['site']]);
  t.deepEqual(sent(stepSource(sourceAfter(begin), rehomed)), []);

  const target = stepTarget(targetAfter(...warm, arrived, restored), rehomed);
  t.deepEqual(
    [sent(target), to(target)],
    [
      ['query', 'ready'],
      ['site', 'device'],
    ],
  );
  const grant = (from: string) => told({ type: 'grant', ...by({ name: from, boot: '1' }, 2), owner: edge, leaseMs: 2000 }, 110);
  t.deepEqual(types(stepTarget(target.state, grant('device'))), ['refuse']);
  t.is(types(stepTarget(target.state, grant('site')))[0], 'run');

  const of = { actor, move, self: edge, home: 'device', epoch: 2, timings: defaultTimings };
  const owner = stepOwner(createOwner(of, 2000, 0).state, rehomed);
  t.deepEqual([sent(owner), to(owner), owner.state.leaseUntilMs], [['query'], ['site'], 2000]);
  t.deepEqual(sent(stepOwner(createOwner(of, Number.POSITIVE_INFINITY, 0).state, rehomed)), []);
});

test('migration: messages of forgotten moves are answered so that nobody waits', (t) => {
  t.is(answerStray({ type: 'ready', ...by(edge), hash: capture.hash }, device)?.message.type, 'cancel');
  t.is(answerStray({ type: 'capture', ...by(device), capture }, edge)?.message.type, 'refused');
  t.is(answerStray({ type: 'query', ...by(edge), askedAtMs: 0 }, device), undefined);
});
