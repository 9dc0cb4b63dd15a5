import { one, parse } from './options.js';
import { jsonLine, say, table } from './print.js';
import { answerMs, deviceOptions, deviceUsage, runningDevice } from './running-node.js';

const usage = `godwit offers ACTOR [options]

What the edges of a running device would offer for one of its actors now, best first. Nothing moves, and the offers are given back.

  ACTOR              address, such as robot-1/map, or its name on the device: map
  --tier TIER        only hosts that run this tier: script or native
${deviceUsage}
  --json             one JSON object: offers
  --help             this text

Examples:
  godwit offers map
  godwit offers robot-1/map --device robot-1 --json`;

/** Milliseconds: each edge is probed, and asked. */
const offersMs = 4 * answerMs;
const mebibyte = 1024 * 1024;

/** `godwit offers`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · what the device said */
export async function offers(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({ args: [...args], allowPositionals: true, options: { ...deviceOptions, tier: { type: 'string' } } });
  if (values.help) return say(usage);
  const name = one(positionals, 'actor', 'godwit offers map');
  const device = await runningDevice(values.device);
  const request = { actor: device.addressOf(name), tier: values.tier ?? '' };
  const { offers: found } = await device.call(offersMs, (options) => device.control.listOffers(request, options));
  if (values.json) return say(jsonLine({ offers: found }));
  const rows = found.map(({ host, url, rttMs, tiers, freeMemoryBytes, freeInstances }) => [
    host,
    url,
    rttMs.toFixed(1),
    tiers.map(({ tier, operationsPerSecond }) => `${tier} ${Math.round(operationsPerSecond)}/s`).join(', '),
    `${Math.floor(Number(freeMemoryBytes) / mebibyte)} MiB`,
    String(freeInstances),
  ]);
  return say(table([['host', 'url', 'rtt ms', 'tiers', 'free memory', 'free instances'], ...rows], [2, 4, 5]).join('\n'));
}
