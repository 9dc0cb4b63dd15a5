// The control services of an edge: messages of godwit.control.v1 in, the roles' plain data out, and back. No decision is made here.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { type ActorInfo, checkName, GodwitError } from '#core';
import type { Reading } from '#runtimes/telemetry';
import {
  Execution,
  type HostSchema,
  type OfferSchema,
  OffloadManager as OffloadManagerService,
  type ReadingSchema,
  type RedirectSchema,
  RemoteOffload as RemoteOffloadService,
  type RequestOffloadRequest,
  type ReservationSchema,
  Telemetry,
} from '#transports/connect/control';
import type { ExecutionHandler } from './execution-handler.js';
import type { HostLoad, Offer, OffloadRequest, Redirect, Reservation } from './offers.js';
import type { OffloadManager } from './offload-manager.js';
import type { RemoteOffloadHandler } from './remote-offload-handler.js';
import type { HostTelemetry } from './telemetry.js';

/** The roles behind the services. */
export interface ControlRoles {
  readonly manager: OffloadManager;
  readonly remote: RemoteOffloadHandler;
  readonly execution: ExecutionHandler;
  readonly telemetry: HostTelemetry;
  /** The node that keeps an actor's register. */
  readonly homeOf: (actor: string) => string;
  /** The actors of the host's node. */
  readonly actors: () => ActorInfo[];
}

/** What an actor is taken to need if it does not say: what an instance of the script tier may use. */
const defaultMemoryBytes = 64 * 1024 * 1024;
const defaultWatchMs = 1000;
/** Address of an actor: the home's name and one to eight names below. */
const addressForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){1,8}$/;

/** Registers every control service. */
export function registerControl(router: ConnectRouter, roles: ControlRoles): void {
  const { manager, remote, execution, telemetry } = roles;
  const messageFromRedirect = (redirect: Redirect): MessageInitShape<typeof RedirectSchema> => ({
    ...redirect,
    epoch: BigInt(redirect.epoch),
    home: roles.homeOf(redirect.actor),
  });
  router.service(OffloadManagerService, {
    requestOffload(message) {
      const { offers, redirect, refusals } = manager.request(requestFrom(message));
      return { offers: offers.map(messageFromOffer), ...(redirect === undefined ? {} : { redirect: messageFromRedirect(redirect) }), refusals: [...refusals] };
    },
    async acceptOffer({ token, device }) {
      const { assignment, redirect } = await manager.accept(token, device);
      return redirect === undefined ? { assignment } : { redirect: messageFromRedirect(redirect) };
    },
    cancelOffer({ token, device }) {
      manager.cancel(token, device);
      return {};
    },
    listOffloads: () => ({
      reservations: manager.reservations().map(messageFromReservation),
      sharedNames: manager.sharedNames().map(({ name, at }) => ({ name, at: messageFromRedirect(at) })),
    }),
    listHosts: () => ({ hosts: manager.hosts().map(messageFromHost) }),
  });
  router.service(RemoteOffloadService, {
    async assign({ token, actor, definition, version, device, memoryBytes, sharedName, tier }) {
      checkRequest(actor, definition, version, device);
      if (!/^[0-9a-f]{32}$/.test(token)) throw new GodwitError('INVALID_ARGUMENT', 'the token of an assignment is 32 hexadecimal digits');
      const assignment = {
        token,
        actor,
        definition,
        version,
        device,
        memoryBytes: bytesOr(memoryBytes, defaultMemoryBytes),
        sharedName: sharedName || undefined,
        tier: tier || undefined,
      };
      return { expiresInMs: await remote.assign(assignment) };
    },
    status: () => ({ reservations: remote.reservations().map(messageFromReservation) }),
    async release({ token }) {
      await remote.release(token);
      return {};
    },
  });
  router.service(Execution, {
    listRuntimes: () => ({ runtimes: execution.list().map(({ description, speed }) => ({ description, speed })) }),
    listInstances: () => ({
      instances: execution.instances(roles.actors()).map((info) => ({
        actor: info.address,
        definition: info.definition,
        version: info.version,
        tier: info.tier ?? '',
        place: info.place ?? '',
        epoch: BigInt(info.epoch),
        turns: BigInt(info.turns),
        mailboxRecords: BigInt(info.mailboxRecords),
      })),
    }),
    findBlobs: async ({ hashes }) => ({ hashes: await execution.findBlobs(hashes) }),
  });
  router.service(Telemetry, {
    read: async () => ({ readings: (await telemetry.read()).map(messageFromReading) }),
    async *watch({ intervalMs }, { signal }) {
      for await (const readings of telemetry.watch(intervalMs || defaultWatchMs, signal)) yield { readings: readings.map(messageFromReading) };
    },
  });
}

function requestFrom({ actor, definition, version, device, needs, sharedName }: RequestOffloadRequest): OffloadRequest {
  checkRequest(actor, definition, version, device);
  if (sharedName !== '') checkName(sharedName, 'shared');
  return {
    actor,
    definition,
    version,
    device,
    sharedName: sharedName || undefined,
    needs: {
      memoryBytes: bytesOr(needs?.memoryBytes ?? 0n, defaultMemoryBytes),
      hostFunctions: needs?.hostFunctions ?? [],
      models: needs?.models ?? [],
      tier: needs?.tier || undefined,
    },
  };
}

function checkRequest(actor: string, definition: string, version: number, device: string): void {
  checkName(device, 'device');
  checkName(definition, 'actor definition');
  if (!addressForm.test(actor)) throw new GodwitError('INVALID_ARGUMENT', `'${actor.slice(0, 200)}' is no address of an actor: it looks like home/name`);
  if (version < 1) throw new GodwitError('INVALID_ARGUMENT', `the version of ${definition} must be at least 1`);
}

/** @throws {GodwitError} INVALID_ARGUMENT beyond what a number counts exactly */
function bytesOr(bytes: bigint, fallback: number): number {
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw new GodwitError('INVALID_ARGUMENT', `${bytes} bytes of memory are more than any host has`);
  return bytes === 0n ? fallback : Number(bytes);
}

function messageFromOffer({ token, host, expiresInMs }: Offer): MessageInitShape<typeof OfferSchema> {
  return {
    token,
    host: host.name,
    url: host.url,
    tiers: [...host.tiers],
    hostFunctions: [...host.hostFunctions],
    models: [...host.models],
    freeMemoryBytes: BigInt(host.freeMemoryBytes),
    freeInstances: host.freeInstances,
    expiresInMs,
    price: 0,
  };
}

function messageFromReservation(held: Reservation): MessageInitShape<typeof ReservationSchema> {
  const { actor, definition, version, device, host, status, memoryBytes, sharedName, expiresInMs } = held;
  return {
    actor,
    definition,
    version,
    device,
    host,
    status,
    memoryBytes: BigInt(memoryBytes),
    sharedName: sharedName ?? '',
    expiresInMs: Math.ceil(expiresInMs ?? 0),
  };
}

function messageFromHost(host: HostLoad): MessageInitShape<typeof HostSchema> {
  return {
    name: host.name,
    url: host.url,
    tiers: [...host.tiers],
    hostFunctions: [...host.hostFunctions],
    models: [...host.models],
    memoryBytes: BigInt(host.memoryBytes),
    freeMemoryBytes: BigInt(host.freeMemoryBytes),
    instances: host.instances,
    freeInstances: host.freeInstances,
  };
}

function messageFromReading(reading: Reading): MessageInitShape<typeof ReadingSchema> {
  const { metric, unit } = reading;
  if (reading.unavailable !== undefined) return { metric, unit, result: { case: 'unavailable', value: reading.unavailable } };
  return { metric, unit, simulated: reading.simulated, result: { case: 'value', value: reading.value } };
}
