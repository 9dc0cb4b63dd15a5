import test from 'ava';
import { type World, world } from '../testing/index.js';

/** A device and an edge whose link has just come up. */
async function linked(): Promise<{ w: World; device: ReturnType<World['device']>; edge: ReturnType<World['edge']> }> {
  const w = world({ seed: 4 });
  const device = w.device('robot-1');
  const edge = w.edge('edge-1');
  w.link(device, edge);
  await w.settle(up(w));
  return { w, device, edge };
}

/** Resolves when the device is linked from now on. */
function up(w: World): Promise<void> {
  return new Promise((resolve) => {
    const cancel = w.observe(({ node, event }) => {
      if (node !== 'robot-1' || event.type !== 'link-up') return;
      cancel();
      resolve();
    });
  });
}

/** Cuts the link for a moment. @returns virtual milliseconds until it is up again */
async function drop({ w, device, edge }: Awaited<ReturnType<typeof linked>>): Promise<number> {
  const again = up(w);
  const from = w.nowMs;
  w.cut(device, edge);
  w.heal(device, edge);
  await w.settle(again);
  return w.nowMs - from;
}

test('kept link: one that drops as soon as it is up is dialled ever more slowly, at last every few seconds', async (t) => {
  const link = await linked();

  const pauses: number[] = [];
  for (let drops = 0; drops < 10; drops++) pauses.push(await drop(link));

  t.true(pauses[0] < 100, `${pauses}`);
  for (const pause of pauses.slice(-2)) t.true(pause >= 5000 && pause < 8000, `${pauses}`);
});

test('kept link: one that has held for a while is dialled at once when it drops', async (t) => {
  const link = await linked();
  for (let drops = 0; drops < 10; drops++) await drop(link);

  await link.w.advance(10_000);

  t.true((await drop(link)) < 100);
});
