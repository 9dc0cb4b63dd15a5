// What the roles of the edge tell each other. Plain data; `control-services.ts` turns it into messages of the control services.
import type { Cancel, Code, Tier } from '#core';

/** Speed of a tier as measured on its host. */
export interface TierSpeed {
  readonly tier: Tier;
  /** Higher is faster; 0 if it was not measured. */
  readonly operationsPerSecond: number;
  /** What one operation is, or why it was not measured. */
  readonly benchmark: string;
}

/** What a host can do and how much it takes. */
export interface HostFacts {
  /** Name of its node. */
  readonly name: string;
  /** Where its link and services are. */
  readonly url: string;
  readonly tiers: readonly TierSpeed[];
  /** Definitions that it can run natively. */
  readonly nativeDefinitions: readonly string[];
  readonly hostFunctions: readonly string[];
  readonly models: readonly string[];
  /** Bytes for offloaded actors, all together. */
  readonly memoryBytes: number;
  /** Offloaded actors at a time. */
  readonly instances: number;
}

/** Facts of a host and what is left of it. */
export interface HostLoad extends HostFacts {
  readonly freeMemoryBytes: number;
  readonly freeInstances: number;
}

/** What an actor needs of a host, with every default filled in. */
export interface HostNeeds {
  /** Bytes, > 0. */
  readonly memoryBytes: number;
  readonly hostFunctions: readonly string[];
  readonly models: readonly string[];
  /** Any if undefined. */
  readonly tier: string | undefined;
}

/** A device's wish to move one actor to the cluster. */
export interface OffloadRequest {
  readonly actor: string;
  readonly definition: string;
  readonly version: number;
  readonly device: string;
  readonly needs: HostNeeds;
  readonly sharedName: string | undefined;
}

/** Leave to move one actor to one host, for a short time. */
export interface Offer {
  readonly token: string;
  readonly host: HostLoad;
  readonly expiresInMs: number;
}

/** Why a host, or a limit of the cluster, makes no offer. */
export interface Refusal {
  readonly host: string;
  readonly code: Code;
  readonly reason: string;
}

/** Room for one actor on one host. */
export interface Assignment {
  readonly token: string;
  readonly actor: string;
  readonly definition: string;
  readonly version: number;
  readonly device: string;
  readonly memoryBytes: number;
  readonly sharedName: string | undefined;
  readonly tier: string | undefined;
}

/** How far an actor's way to a host has come. */
export type ReservationStatus = 'offered' | 'assigned' | 'running';

/** An assignment, its host and its time. */
export interface Reservation extends Assignment {
  readonly host: string;
  readonly status: ReservationStatus;
  /** Milliseconds until it ends by itself; undefined while the actor runs. */
  readonly expiresInMs: number | undefined;
}

/** What happens to assignments on a host. */
export type AssignmentEvent =
  | { readonly type: 'running'; readonly assignment: Assignment; readonly epoch: number }
  | { readonly type: 'ended'; readonly assignment: Assignment; readonly reason: string };

/** The Remote Offload Handler of a host, as the Offload Manager and the Resource Manager see it. */
export interface RemoteOffload {
  /** Keeps room until the actor arrives. @returns milliseconds until the assignment expires @throws {GodwitError} RESOURCE_EXHAUSTED the host is full */
  assign(assignment: Assignment): Promise<number>;
  /** Withdraws an assignment whose actor has not arrived; unknown tokens are none. */
  release(token: string): Promise<void>;
  observe(listener: (event: AssignmentEvent) => void): Cancel;
}

/** A host of the cluster. */
export interface Host {
  readonly facts: HostFacts;
  readonly remote: RemoteOffload;
}

/** An actor that has a shared name. */
export interface Redirect {
  readonly actor: string;
  readonly definition: string;
  readonly version: number;
  readonly host: string;
  readonly url: string;
  readonly epoch: number;
}
