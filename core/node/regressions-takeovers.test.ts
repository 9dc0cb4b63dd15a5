// Takeovers, between nodes of one process, in orderings that once wedged an actor, or lost a part of it.
import test from 'ava';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import type { Clock } from '../ports/clock.js';
import type { Node } from './node.js';
import { createGate, ledger, outcome, pair, pause } from './regressions.test-support.js';
import { assertHandedOver, nextEvent } from './wiring.test-support.js';

function gaps(...nodes: Node[]) {
  const seen: Array<{ readonly actor: string; readonly sender: string; readonly lost: number }> = [];
  for (const node of nodes) node.observe((event) => void ((event.type as string) === 'gap' && seen.push(event as never)));
  return seen;
}

test('protocol, takeover: an actor without checkpoints answers on; what its lost copy had handled is told as a gap', async (t) => {
  const { device, edge, link, ref } = await pair(t, ledger());
  await ref.put('a');
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  for (let entry = 0; entry < 10; entry++) await ref.put(entry);
  const seen = gaps(device, edge);
  const restored = nextEvent(device, 'restored');
  link.cut();
  const waiting = [1, 2, 3].map((entry) => outcome(ref.put(entry, { timeoutMs: 6000 }), 7000));
  dispatch(ref, 'put', 'told');
  await restored;

  t.deepEqual(await Promise.all(waiting), ['OK', 'OK', 'OK']);
  t.is(await outcome(ref.put('new', { timeoutMs: 2000 })), 'OK');
  t.deepEqual((await ref.all()).slice(-5), [1, 2, 3, 'told', 'new']);
  t.like(seen[0], { actor: 'device/l', sender: 'device' });
  t.true((seen[0]?.lost ?? 0) > 0);
});

test('protocol, takeover: a sender on the lost node is heard again over a link that holds, and its gap is told', async (t) => {
  const Ledger = ledger(1);
  const { device, edge, link, ref } = await pair(t, Ledger);
  await ref.put('a');
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  const near = edge.refTo(Ledger, 'device/l');
  const checkpoint = nextEvent(edge, 'checkpoint');
  await near.put(1);
  await checkpoint;
  const restored = nextEvent(device, 'restored');
  link.cut();
  for (let entry = 0; entry < 5; entry++) await near.put(`lost ${entry}`, { timeoutMs: 500 });
  await restored;
  const seen = gaps(device, edge);
  const fenced = nextEvent(edge, 'stopped');
  link.join();
  await fenced;
  const downs: string[] = [];
  device.observe((event) => void (event.type === 'link-down' && downs.push(event.reason)));

  t.is(await outcome(near.put('after', { timeoutMs: 2000 })), 'OK');
  t.is((await ref.all()).at(-1), 'after');
  t.deepEqual(downs, []);
  t.like(seen[0], { actor: 'device/l', sender: 'edge' });
  t.true((seen[0]?.lost ?? 0) > 0);
});

test('protocol, takeover: a timer that was due at the checkpoint, its message still waiting, fires after it', async (t) => {
  const gates = [createGate(), createGate()];
  const { device, edge, link, ref } = await pair(t, ledger(1, gates));
  await ref.put(1);
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  await ref.wakeLater(30);
  const first = ref.hold(0);
  const second = outcome(ref.hold(1, { timeoutMs: 10_000 }), 10_000);
  while ((edge.actors()[0]?.mailboxRecords ?? 0) < 2) await pause(1);
  const turns = edge.actors()[0]?.turns ?? 0;
  const checkpoint = new Promise<void>((resolve) => {
    edge.observe((event) => void (event.type === 'checkpoint' && event.turns > turns && resolve()));
  });
  gates[0]?.open();
  await first;
  await checkpoint;
  // A round trip, behind which the home has registered the checkpoint.
  spawn(edge, ledger(), 'other');
  await device.refTo(ledger(), 'edge/other').put(1);
  const restored = nextEvent(device, 'restored');
  link.cut();
  await restored;
  gates[1]?.open();

  t.is(await second, 'OK');
  t.is(await ref.wakes(), 1);
});

test('protocol, takeover: an actor taken over rests: nothing spins on its node', async (t) => {
  let armed = 0;
  const clock: Clock = {
    now: () => performance.now(),
    after(delayMs, task) {
      armed += 1;
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    soon: (task) => void setTimeout(task, 0),
  };
  const { device, link, ref } = await pair(t, ledger(), {}, { clock });
  await ref.put('a');
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  const restored = nextEvent(device, 'restored');
  link.cut();
  await restored;
  const before = armed;
  // The measure is of a stretch of idle time.
  await pause(1000);
  t.true(armed - before < 20, `${armed - before} platform timers in a second of rest`);
});
