// The control socket of a device: its Offload Handler, and what is on its node, for other processes of the same user.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import type { Clock, Logger, MoveReport, Node } from '#core';
import { createInspection, createLocalServer } from '#transports/connect';
import { DeviceControl, type HostOfferSchema, type MoveSchema } from '#transports/connect/control';
import type { ControlPlace } from './control-socket.js';
import type { Offer } from './offer.js';
import type { OffloadHandler, RequestOptions } from './offload-handler.js';

/** What a control socket is made of. */
export interface ControlOptions {
  readonly node: Node;
  readonly offload: OffloadHandler;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Given up when the socket is closed. */
  readonly place: ControlPlace;
}

/** Why an actor moves that was told to by a command, for reports. */
const trigger = 'command';
/** Characters of a host's name that are repeated to who asked. */
const maxHostLength = 128;

/** Opens it. @returns what closes it, idempotently @throws {GodwitError} UNAVAILABLE no socket can be there; the place is still had */
export async function openControl({ node, offload, clock, logger, place }: ControlOptions): Promise<() => Promise<void>> {
  const inspection = createInspection({ node, clock, away: () => offload.list() });
  const routes = (router: ConnectRouter) => {
    inspection(router);
    serveControl(router, node, offload);
  };
  const end = await createLocalServer({ path: place.socket, routes, clock, logger });
  logger.log('info', 'device.control', { node: node.name, socket: place.socket });
  return async () => {
    try {
      await end();
    } finally {
      await place.release();
    }
  };
}

function serveControl(router: ConnectRouter, node: Node, offload: OffloadHandler): void {
  router.service(DeviceControl, {
    async listOffers({ actor, tier }) {
      const offers = await offload.request(actor, optionsFrom(tier));
      await declineAll(offload, offers);
      return { offers: offers.map(messageFromOffer) };
    },
    async offload({ actor, tier, host }) {
      const [closest] = await offload.request(actor, { ...optionsFrom(tier), ...(host === '' ? {} : { host: host.slice(0, maxHostLength) }) });
      const { move } = await offload.accept(closest);
      return { move: move === undefined ? { actor, from: node.name, to: closest.host } : messageFromReport(move) };
    },
    async recall({ actor }) {
      const lease = offload.list().find((away) => away.actor === actor)?.lease;
      return { move: messageFromReport(await (lease === undefined ? node.recall(actor, { trigger }) : lease.recall({ trigger }))) };
    },
  });
}

function optionsFrom(tier: string): RequestOptions {
  return tier === '' ? { trigger } : { trigger, tier };
}

/** An offer that is not given back expires. */
async function declineAll(offload: OffloadHandler, offers: readonly Offer[]): Promise<void> {
  await Promise.allSettled(offers.map((offer) => offload.decline(offer)));
}

function messageFromOffer(offer: Offer): MessageInitShape<typeof HostOfferSchema> {
  const { host, url, edge, rttMs } = offer;
  if (offer.kind === 'shared') return { host, url, edge, rttMs };
  const { tiers, hostFunctions, models, freeMemoryBytes, freeInstances, price } = offer;
  return {
    host,
    url,
    edge,
    rttMs,
    tiers: [...tiers],
    hostFunctions: [...hostFunctions],
    models: [...models],
    freeMemoryBytes: BigInt(freeMemoryBytes),
    freeInstances,
    price,
  };
}

function messageFromReport(report: MoveReport): MessageInitShape<typeof MoveSchema> {
  const { actor, from, to, epoch, stallMs, totalMs, bytes } = report;
  return {
    actor,
    from: from.node,
    to: to.node,
    tier: to.tier,
    place: to.place,
    epoch: BigInt(epoch),
    stallMs,
    totalMs,
    bytes: BigInt(bytes.module + bytes.capture + bytes.models),
  };
}
