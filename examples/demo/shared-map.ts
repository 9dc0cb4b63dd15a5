// Two robots, one map: the first offloads its map under a shared name, the second is led to it and its own is merged.
import type { MapObject } from '#actors/search-and-rescue';
import { GodwitError, type MoveReport } from '#core';
import { formatBytes, formatMs } from './format.js';
import type { SharedMapReport } from './report.js';
import { frameTimeoutMs, type Robot } from './robot.js';
import type { View } from './view.js';

const sharedName = 'map';
/** Frames of the second robot before and after its map is merged: a photo's worth. */
const framesBefore = 8;
const framesAfter = 4;

/** What the sharing did. */
export interface SharedMap {
  readonly move: MoveReport;
  readonly report: SharedMapReport;
}

/** @param startSecond starts the second robot; it is closed here @throws {GodwitError} what kept the maps from being joined */
export async function shareMap(first: Robot, startSecond: () => Promise<Robot>, view: View): Promise<SharedMap> {
  view.say(`• ${first.device.name} shares its map: offloads it under the name '${sharedName}'`);
  const before = await first.map.view();
  const lease = await accept(first);
  if (lease.move === undefined) throw new GodwitError('INTERNAL', `the map of ${first.device.name} was not moved`);
  const { to, stallMs, bytes } = lease.move;
  view.say(`  moved to ${to.node}, stalled ${formatMs(stallMs)} · module ${formatBytes(bytes.module)}, state ${formatBytes(bytes.capture)}: ${to.place}`);

  const second = await startSecond();
  try {
    await drive(second, 0, framesBefore);
    const own = await second.map.view();
    view.say(`• ${second.device.name} has a map of its own with ${own.length} objects, and asks to share it under the same name`);
    const joined = await accept(second);
    view.say(`  redirected to ${joined.actor} on ${joined.node}: its map is merged there, its refs lead there`);
    await drive(second, framesBefore, framesAfter);
    return { move: lease.move, report: reportOf(joined.actor, joined.node, before, own, await first.map.view(), await second.map.view()) };
  } finally {
    await second.close();
  }
}

async function accept({ device, map }: Robot) {
  const [offer] = await device.offload.request(map, { sharedName, trigger: 'shared map' });
  if (offer === undefined) throw new GodwitError('RESOURCE_EXHAUSTED', `no offer for the map of ${device.name}`);
  return device.offload.accept(offer);
}

async function drive({ navigation }: Robot, from: number, frames: number): Promise<void> {
  for (let frame = from; frame < from + frames; frame += 1) await navigation.step(frame, { timeoutMs: frameTimeoutMs });
}

function reportOf(
  actor: string,
  node: string,
  first: readonly MapObject[],
  second: readonly MapObject[],
  seenByFirst: readonly MapObject[],
  merged: readonly MapObject[],
): SharedMapReport {
  const robots = new Set(merged.flatMap((object) => object.robots));
  const complete = JSON.stringify(seenByFirst) === JSON.stringify(merged) && merged.length >= Math.max(first.length, second.length) && robots.size === 2;
  return {
    actor,
    node,
    objects: { first: first.length, second: second.length, merged: merged.length },
    seenByBoth: merged.filter((object) => object.robots.length === 2).length,
    complete,
  };
}
