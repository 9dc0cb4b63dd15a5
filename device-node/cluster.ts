import type { OfferedTier } from './offer.js';

/** What a device asks of a cluster. */
export interface ClusterRequest {
  readonly actor: string;
  readonly definition: string;
  readonly version: number;
  readonly device: string;
  readonly sharedName: string;
  readonly needs: { readonly memoryBytes: bigint; readonly hostFunctions: string[]; readonly models: string[]; readonly tier: string };
}

/** One host's offer as its cluster makes it. */
export interface ClusterOffer {
  readonly token: string;
  readonly host: string;
  readonly url: string;
  readonly tiers: readonly OfferedTier[];
  readonly hostFunctions: readonly string[];
  readonly models: readonly string[];
  readonly freeMemoryBytes: bigint;
  readonly freeInstances: number;
  readonly expiresInMs: number;
  readonly price: number;
}

/** The wanted shared name is taken: by this actor. */
export interface ClusterRedirect {
  readonly actor: string;
  readonly definition: string;
  readonly version: number;
  readonly host: string;
  readonly url: string;
  readonly epoch: bigint;
  readonly home: string;
}

/** Why a host offers nothing. */
export interface ClusterRefusal {
  readonly host: string;
  readonly code: string;
  readonly reason: string;
}

/** Where a device may send its actors: hosts behind one first contact. Everything it throws is a GodwitError that names it. */
export interface Cluster {
  readonly url: string;
  /** Round trip in milliseconds. @throws {GodwitError} UNAVAILABLE nobody answers · UNAUTHENTICATED */
  rttMs(): Promise<number>;
  request(request: ClusterRequest): Promise<{
    readonly offers: readonly ClusterOffer[];
    readonly redirect?: ClusterRedirect | undefined;
    readonly refusals: readonly ClusterRefusal[];
  }>;
  /** @throws {GodwitError} NOT_FOUND the offer expired */
  accept(
    token: string,
    device: string,
  ): Promise<{ readonly assignment?: Pick<ClusterOffer, 'token' | 'host' | 'url'> | undefined; readonly redirect?: ClusterRedirect | undefined }>;
  cancel(token: string, device: string): Promise<void>;
  /** Withdraws an assignment whose move failed. */
  release(token: string): Promise<void>;
}
