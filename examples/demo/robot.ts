import { type Frame, MapServer, Navigation, ObjectDetection } from '#actors/search-and-rescue';
import { GodwitError, type HostFunction, spawn } from '#core';
import { startDevice } from '#device-node';
import { bundler } from '#toolchain';
import type { Place } from './report.js';
import type { Vision } from './vision.js';

/** What a robot is made of. */
export interface RobotOptions {
  readonly name: string;
  readonly edges: readonly string[];
  readonly key: string;
  readonly camera: HostFunction;
  readonly vision: Vision;
}

/** Time for one frame: more than an edge needs to be missed, and the frame to be detected again. */
export const frameTimeoutMs = 20_000;

/** A robot: a device with a camera, and its three actors. */
export type Robot = Awaited<ReturnType<typeof startRobot>>;

/** Starts the robot; it works at once. */
export async function startRobot({ name, edges, key, camera, vision }: RobotOptions) {
  const device = await startDevice({ name, edges, key, modules: bundler(), hostFunctions: [camera, vision.image, vision.nn] });
  const map = spawn(device, MapServer, 'map');
  const detection = spawn(device, ObjectDetection, 'detection');
  const navigation = spawn(device, Navigation, 'navigation');
  // Stays here, to detect again what the edge detected.
  const witness = spawn(device, ObjectDetection, 'witness');
  await navigation.start({ robot: name, detector: detection, map, detectTimeoutMs: frameTimeoutMs });

  return {
    device,
    map,
    detection,
    navigation,
    witness,
    /** Frame `index` as the camera sees it: always the same. */
    async frame(index: number): Promise<Frame> {
      return (await camera.call('frame', [index])) as Frame;
    },
    /** Where an actor that is here runs. */
    async placeOf(address: string): Promise<Place> {
      const info = device.node.actors().find((known) => known.address === address);
      if (info?.tier === undefined || info.place === undefined) throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is not on ${name}`);
      return { node: info.node, tier: info.tier, place: info.place };
    },
    close: () => device.close(),
  };
}
