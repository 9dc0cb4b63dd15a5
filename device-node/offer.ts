import type { MoveReport } from '#core';
import type { ClusterOffer, ClusterRedirect } from './cluster.js';

/** Speed of a tier as its host measured it. @public */
export interface OfferedTier {
  readonly tier: string;
  /** 0 if it was not measured; `benchmark` says why. */
  readonly operationsPerSecond: number;
  readonly benchmark: string;
}

interface OfferBase {
  /** Address of the device's actor. */
  readonly actor: string;
  readonly definition: string;
  readonly version: number;
  /** Node name of the host. */
  readonly host: string;
  readonly url: string;
  /** Address of the cluster that made it. */
  readonly edge: string;
  /** Round trip to that cluster when it was asked. */
  readonly rttMs: number;
  readonly trigger: string;
}

/** Leave to move the actor to a host: from its device, or straight from the host where it is. @public */
export interface HostOffer extends OfferBase {
  readonly kind: 'host';
  readonly token: string;
  readonly tiers: readonly OfferedTier[];
  readonly hostFunctions: readonly string[];
  readonly models: readonly string[];
  readonly freeMemoryBytes: number;
  readonly freeInstances: number;
  readonly expiresInMs: number;
  readonly price: number;
  readonly sharedName: string | undefined;
}

/** The actor that has the wanted shared name already: accepting merges the local one into it. @public */
export interface SharedOffer extends OfferBase {
  readonly kind: 'shared';
  readonly sharedName: string;
  readonly existing: { readonly actor: string; readonly definition: string; readonly version: number; readonly epoch: number; readonly home: string };
}

/** What a cluster offers for one actor. @public */
export type Offer = HostOffer | SharedOffer;

/** An actor's stay on a host: it ends when the actor moves on, whereupon there is another lease. @public */
export interface Lease {
  /** Address of the actor; for a shared one, of the actor that refs now lead to. */
  readonly actor: string;
  /** Node name of the host. */
  readonly node: string;
  readonly sharedName: string | undefined;
  /** How it got there; undefined if the local actor was merged into a shared one, or the link was down when the owner would have told. */
  readonly move: MoveReport | undefined;
  /** Gets the actor back, with its state, from wherever it is by then. @throws {GodwitError} FAILED_PRECONDITION it is shared and another device's, or not away · UNAVAILABLE no link; it runs on there */
  recall(options?: { readonly trigger?: string }): Promise<MoveReport>;
  /**
   * Resolves with the reason if the host was lost and the actor was taken back without it; stays pending otherwise, and for a shared actor whose
   * register the edge keeps: it comes back there.
   */
  readonly lost: Promise<string>;
  /** False once it moved on, or was recalled, lost or stopped. */
  readonly active: boolean;
}

/** One entry of the list of offloads. @public */
export interface Offload {
  readonly actor: string;
  readonly definition: string;
  /** As it left. */
  readonly version: number;
  /** The application: name of the device's node, or what {@link startDevice} was told. */
  readonly application: string;
  readonly host: string;
  readonly url: string;
  readonly sharedName: string | undefined;
  readonly lease: Lease;
}

export function hostOfferFrom(message: ClusterOffer, base: Omit<OfferBase, 'host' | 'url'>, sharedName: string | undefined): HostOffer {
  const { token, host, url, hostFunctions, models, freeInstances, expiresInMs, price } = message;
  const tiers = message.tiers.map(({ tier, operationsPerSecond, benchmark }) => ({ tier, operationsPerSecond, benchmark }));
  return {
    ...base,
    kind: 'host',
    token,
    host,
    url,
    tiers,
    hostFunctions,
    models,
    freeMemoryBytes: Number(message.freeMemoryBytes),
    freeInstances,
    expiresInMs,
    price,
    sharedName,
  };
}

export function sharedOfferFrom(
  { actor, definition, version, host, url, epoch, home }: ClusterRedirect,
  base: Omit<OfferBase, 'host' | 'url'>,
  sharedName: string,
): SharedOffer {
  return { ...base, kind: 'shared', host, url, sharedName, existing: { actor, definition, version, epoch: Number(epoch), home } };
}
