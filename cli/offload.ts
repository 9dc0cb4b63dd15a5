import type { Move } from '#transports/connect/control';
import { one, parse } from './options.js';
import { jsonLine, printable, say } from './print.js';
import { deviceOptions, deviceUsage, moveMs, runningDevice } from './running-node.js';

const usage = `godwit offload ACTOR [options]

Moves an actor of a running device to an edge, or from one edge host to another: asks for offers, accepts the best, and ends when the actor
runs there. If the move fails the actor goes on where it was. A command that ended by itself because no answer came has not undone the move:
godwit top tells where the actor is.

  ACTOR              address, such as robot-1/map, or its name on the device: map
  --to HOST          to this host and no other
  --tier TIER        on this tier: script or native
${deviceUsage}
  --json             one JSON object: actor, from, to, tier, place, epoch, stallMs, totalMs, bytes
  --help             this text

Examples:
  godwit offload map
  godwit offload robot-1/map --to edge-1 --json`;

/** `godwit offload`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · what the device said */
export async function offload(args: readonly string[]): Promise<number> {
  const options = { ...deviceOptions, to: { type: 'string' }, tier: { type: 'string' } } as const;
  const { values, positionals } = parse({ args: [...args], allowPositionals: true, options });
  if (values.help) return say(usage);
  const name = one(positionals, 'actor', 'godwit offload map');
  const device = await runningDevice(values.device);
  const request = { actor: device.addressOf(name), host: values.to ?? '', tier: values.tier ?? '' };
  const { move } = await device.call(moveMs, (deadline) => device.control.offload(request, deadline));
  return sayMove(move, values.json);
}

/** Says how an actor moved. @returns the exit code of success */
export function sayMove(move: Move | undefined, json: boolean): number {
  if (json || move === undefined) return say(jsonLine(move ?? {}));
  const { actor, from, to, tier, place, stallMs, totalMs, bytes } = move;
  if (tier === '') return say(printable(`${actor} was merged into the actor on ${to} that has its shared name`));
  return say(printable(`${actor} moved from ${from} to ${to}: ${place}, stalled ${stallMs.toFixed(1)} ms of ${totalMs.toFixed(1)} ms, ${bytes} bytes`));
}
