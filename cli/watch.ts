import { once } from 'node:events';
import { GodwitError, spawn } from '#core';
import type { Device, Readings } from '#device-node';
import { speedProbe } from '#edge-node';
import type { ApplicationContext } from './application.js';

/** Milliseconds between two telemetry lines: to watch by eye. */
const telemetryEveryMs = 5000;

/** What a device does without an application: tells what it measures, and what linked edges would offer for a small actor. Nothing is moved. */
export async function watch(device: Device, { signal, logger }: ApplicationContext): Promise<void> {
  const probe = spawn(device, speedProbe, 'probe');
  const tellNoOffer = (thrown: unknown) => {
    const { code, message } = GodwitError.from(thrown);
    logger.log('warn', 'device.no-offer', { code, reason: message });
  };
  const askForOffers = async () => {
    for (const offer of await device.offload.request(probe, { trigger: 'watch' })) {
      if (offer.kind !== 'host') continue;
      const { host, url, tiers, hostFunctions, models, freeMemoryBytes, freeInstances, rttMs, price } = offer;
      logger.log('info', 'device.offer', {
        host,
        url,
        tiers,
        hostFunctions,
        models,
        freeMemoryBytes,
        freeInstances,
        rttMs: Math.round(rttMs * 10) / 10,
        price,
      });
      await device.offload.decline(offer);
    }
  };
  const unobserve = device.node.observe((event) => {
    if (event.type === 'link-up') askForOffers().catch(tellNoOffer);
  });
  // Says at once why there is no link yet; links are dialled again and again without a word.
  if (device.edges().length > 0) device.offload.discover().catch(tellNoOffer);
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const unwatch = device.notifier.observe((readings) => {
    const nowMs = performance.now();
    if (nowMs - toldAtMs < telemetryEveryMs) return;
    toldAtMs = nowMs;
    logger.log('info', 'device.telemetry', fieldsFrom(readings));
  });
  if (!signal.aborted) await once(signal, 'abort');
  unwatch();
  unobserve();
}

function fieldsFrom(readings: Readings): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const { metric, unit, value } of readings.values()) fields[metric] = value === undefined ? 'unavailable' : `${Number(value.toPrecision(3))} ${unit}`;
  return fields;
}
