import type { BounceAnswer } from './link.js';

/** Where an actor was last heard of, and under which epoch. */
export interface Location {
  readonly node: string;
  readonly epoch: number;
  /** Known to the node that moved it there. */
  readonly tier?: string;
}

/** Where an actor's register was handed to, and the number (term) of that hand-over: of two the higher is right. */
export interface Handed {
  readonly home: string;
  readonly term: number;
}

/** The name of the node that spawned an actor: the first part of its address, and its home until the register is handed over. */
export function originOf(address: string): string {
  const end = address.indexOf('/');
  return end < 0 ? address : address.slice(0, end);
}

/**
 * What this node has heard of where actors are. Only hints: a hint of a newer epoch replaces an older one, and what is not known is
 * asked of the home. Which node that is, is no hint: it is learnt from who was the home before, and decides whose word counts.
 */
export class Directory {
  private readonly locations = new Map<string, Location>();
  /** Actors that are reached under another address since their state was merged into it. */
  private readonly repointed = new Map<string, string>();
  /** Homes of actors whose register was handed over: empty where nothing is shared. */
  private readonly homes = new Map<string, Handed>();
  /** Whose register is on its way from here: until it has arrived nobody is told where. */
  readonly unsettled = new Set<string>();

  /** @param keepsNameOf whether this node keeps a shared name that the actor has claimed */
  constructor(
    private readonly self: string,
    private readonly keepsNameOf: (actor: string) => boolean = () => false,
  ) {}

  /** The name of the node that keeps an actor's register. */
  homeOf(address: string): string {
    return this.homes.get(address)?.home ?? originOf(address);
  }

  /** Term 0 for a register that was never handed over, as far as this node knows. */
  handed(address: string): Handed {
    return this.homes.get(address) ?? { home: originOf(address), term: 0 };
  }

  /** The life of an actor that is spawned now, by that of its parent: of the same name another home may have counted incarnations further. */
  lifeOf(address: string, parent: string): string {
    const { term } = this.handed(address);
    return term === 0 ? parent : `${parent}-${term}`;
  }

  /** What others may be told of an actor's home: who it is, or was until just now. */
  told(address: string): Handed {
    const handed = this.handed(address);
    return this.unsettled.has(address) && handed.home !== this.self ? { home: this.self, term: handed.term - 1 } : handed;
  }

  /** @returns false if that, or something later, is known already */
  rehome(address: string, { home, term }: Handed): boolean {
    const known = this.handed(address);
    if (known.term > term || (known.term === term && known.home === home)) return false;
    this.homes.set(address, { home, term });
    return true;
  }

  /** Actors that were spawned here, and whose register is on that node. */
  handedTo(node: string): string[] {
    return [...this.homes].flatMap(([address, { home }]) => (home === node && originOf(address) === this.self ? [address] : []));
  }

  /** That node keeps no register of the actor: where it was spawned it is at home again, and counted on. @returns false if it was not its home, or spawned it */
  disclaimed(address: string, by: string): boolean {
    const { home, term } = this.handed(address);
    const origin = originOf(address);
    return home === by && home !== origin && this.rehome(address, { home: origin, term: term + 1 });
  }

  /** The actor is no more. */
  forgetHome(address: string): void {
    this.homes.delete(address);
  }

  /** Whether a source may name this home: the one this node knows or was, or, where a name of the actor is kept, whichever keeps its register meanwhile. */
  mayBeHome(address: string, home: string): boolean {
    const known = this.homeOf(address);
    if (home === known || home === this.told(address).home) return true;
    const origin = originOf(address);
    return known !== this.self && origin !== this.self && home !== this.self && (home === origin || this.keepsNameOf(address));
  }

  /** Whether somebody who speaks as the home may be it by a hand-over this node has not heard of. */
  isNews(address: string, home: string): boolean {
    const known = this.handed(address);
    return home !== known.home && (known.term > 0 || this.mayBeHome(address, home));
  }

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
    return this.locations.get(address)?.node ?? this.homeOf(address);
  }

  location(address: string): Location | undefined {
    return this.locations.get(address);
  }

  /** What a sender is told whose record found nobody here. */
  answer(address: string): BounceAnswer {
    const known = this.locations.get(address);
    const where = known === undefined || known.node === this.self ? undefined : known;
    if (this.unsettled.has(address)) return where ?? { coming: true };
    const { home, term } = this.handed(address);
    if (home === this.self) return { ...where };
    // Of one that was never handed over, as far as this node knows, it says that the home is not here: somebody may take it for the home.
    return { ...where, home, ...(term === 0 ? {} : { term }) };
  }

  repoint(from: string, to: string): void {
    this.repointed.set(from, to);
  }

  /** The address that records to `address` are to be sent to. */
  resolve(address: string): string {
    return this.repointed.get(address) ?? address;
  }
}
