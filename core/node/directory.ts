import type { BounceAnswer } from './link.js';

/** Where an actor was last heard of, and under which epoch. */
export interface Location {
  readonly node: string;
  readonly epoch: number;
  /** Known to the node that moved it there. */
  readonly tier?: string;
}

/** The name of an actor's home: the first part of its address. */
export function homeOf(address: string): string {
  const end = address.indexOf('/');
  return end < 0 ? address : address.slice(0, end);
}

/**
 * What this node has heard of where actors are. Only hints: a hint of a newer epoch replaces an older one, and what is not known is
 * asked of the home.
 */
export class Directory {
  private readonly locations = new Map<string, Location>();
  /** Actors that are reached under another address since their state was merged into it. */
  private readonly repointed = new Map<string, string>();

  constructor(private readonly self: string) {}

  /** @returns false if something newer is known already */
  adopt(address: string, location: Location): boolean {
    const known = this.locations.get(address);
    if (known !== undefined && known.epoch > location.epoch) return false;
    this.locations.set(address, location);
    return true;
  }

  forget(address: string): void {
    this.locations.delete(address);
  }

  /** The node to send to: where the actor was heard of, else its home. */
  nodeFor(address: string): string {
    return this.locations.get(address)?.node ?? homeOf(address);
  }

  location(address: string): Location | undefined {
    return this.locations.get(address);
  }

  /** What a sender is told whose record found nobody here. */
  answer(address: string): BounceAnswer {
    const known = this.locations.get(address);
    return known === undefined || known.node === this.self ? {} : known;
  }

  repoint(from: string, to: string): void {
    this.repointed.set(from, to);
  }

  /** The address that records to `address` are to be sent to. */
  resolve(address: string): string {
    return this.repointed.get(address) ?? address;
  }
}
