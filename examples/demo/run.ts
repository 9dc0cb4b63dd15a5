import { randomBytes } from 'node:crypto';
import { bundledPhotos, createCamera, photosOf } from '#actors/search-and-rescue';
import { compareBoxes } from './box-check.js';
import { startEdgeProcess } from './edge-outside.js';
import { formatRate } from './format.js';
import type { DemoOptions } from './options.js';
import { type DemoReport, faultsOf, migrationFrom, phasesFrom } from './report.js';
import { type Robot, startRobot } from './robot.js';
import { type Outcome, playScenario } from './scenario.js';
import { type SharedMap, shareMap } from './shared-map.js';
import type { View } from './view.js';
import { createVision, warmUp } from './vision.js';

const deviceName = 'robot-1';
const secondName = 'robot-2';
const edgeName = 'edge-1';
const keyBytes = 32;

/**
 * Runs the demo from start to end, and leaves nothing running whatever happens.
 * @throws {GodwitError} what kept it from running to its end: bad images, a port in use, a missing package, `signal`
 */
export async function runDemo(options: DemoOptions, view: View, signal: AbortSignal): Promise<DemoReport> {
  const startedAtMs = performance.now();
  const photos = options.images === undefined ? await bundledPhotos() : await photosOf(options.images);
  const key = randomBytes(keyBytes).toString('hex');
  view.say('Object detection moves between a robot and an edge: two processes, one link over loopback. Starting both …');
  const vision = createVision();
  try {
    const camera = await createCamera({ photos, image: vision.image, seed: options.seed });
    const backend = warmUp(vision);
    const starting = startEdgeProcess({ name: edgeName, port: options.port, key });
    // Whichever fails first is told; the other must not go unheard.
    await Promise.allSettled([backend, starting]);
    const edge = await starting;
    try {
      view.say(
        `${edgeName} listens on ${edge.url} (process ${edge.pid}), measured: ${edge.tiers.map(({ tier, operationsPerSecond }) => `${tier} ${formatRate(operationsPerSecond)}`).join(', ')}`,
      );
      const robot = await startRobot({ name: deviceName, edges: [edge.url], key, camera, vision });
      try {
        view.say(`${deviceName} works (process ${process.pid}): camera over ${photos.length} photos, detection by CenterNet on ${await backend}`);
        const outcome = await playScenario(options, robot, edge, view, signal);
        const start = async () =>
          startRobot({ name: secondName, edges: [edge.url], key, camera: await createCamera({ photos, image: vision.image, seed: options.seed + 1 }), vision });
        const shared = options.robots === 2 ? await shareMap(robot, start, view) : undefined;
        return await reportOf(options, robot, edge.pid, outcome, shared, view, startedAtMs);
      } finally {
        await robot.close();
      }
    } finally {
      await edge.close();
    }
  } finally {
    await vision.close();
  }
}

async function reportOf(
  options: DemoOptions,
  robot: Robot,
  edgePid: number,
  outcome: Outcome,
  shared: SharedMap | undefined,
  view: View,
  startedAtMs: number,
): Promise<DemoReport> {
  const { ledger, places, moves, reexecuted, killed } = outcome;
  view.say('• comparing: frames the edge answered are detected again at the device');
  const boxes = await compareBoxes(robot, ledger, edgeName);
  const objects = await robot.map.view();
  const nodeOf = new Map(ledger.stays.flatMap(({ node, frames }) => frames.map((frame) => [frame, node] as const)));
  const byLabel: Record<string, number> = {};
  for (const { label } of objects) byLabel[label] = (byLabel[label] ?? 0) + 1;
  const body = {
    schema: 1,
    options: { frames: options.frames, seed: options.seed, images: options.images ?? null, killEdge: options.killEdge, robots: options.robots },
    processes: { device: process.pid, edge: edgePid },
    frames: { ...ledger.counts(), reexecuted },
    phases: phasesFrom(ledger, places),
    migrations: [...moves, ...(shared === undefined ? [] : [shared.move])].map(migrationFrom),
    killed: killed ?? null,
    detections: ledger.steps.flatMap(({ frame, detections }) =>
      detections.map(({ label, score, box }) => ({ frame, label, score, box, node: nodeOf.get(frame) ?? 'unknown' })),
    ),
    boxes,
    map: { objects: objects.length, byLabel },
    sharedMap: shared?.report ?? null,
    durationMs: performance.now() - startedAtMs,
  } as const;
  const faults = faultsOf(body);
  return { ...body, ok: faults.length === 0, faults };
}
