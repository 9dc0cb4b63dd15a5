import { sayMove } from './offload.js';
import { one, parse } from './options.js';
import { say } from './print.js';
import { deviceOptions, deviceUsage, moveMs, runningDevice } from './running-node.js';

const usage = `godwit recall ACTOR [options]

Gets an actor of a running device back, with its state, from wherever it is. If that fails the actor goes on where it is.

  ACTOR              address, such as robot-1/map, or its name on the device: map
${deviceUsage}
  --json             one JSON object: actor, from, to, tier, place, epoch, stallMs, totalMs, bytes
  --help             this text

Examples:
  godwit recall map
  godwit recall robot-1/map --device robot-1 --json`;

/** `godwit recall`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · what the device said */
export async function recall(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({ args: [...args], allowPositionals: true, options: deviceOptions });
  if (values.help) return say(usage);
  const name = one(positionals, 'actor', 'godwit recall map');
  const device = await runningDevice(values.device);
  const actor = device.addressOf(name);
  const { move } = await device.call(moveMs, (deadline) => device.control.recall({ actor }, deadline));
  return sayMove(move, values.json);
}
