// Who is told that an actor has ended: its home forgets it, and where it was spawned its name is free again. The word is remembered until
// that node has answered, whoever becomes the home meanwhile. Otherwise a register on its way would bring the actor back from its base.
import type { EndedHeardMessage, EndedMessage, MigrationHost } from './migration-host.js';
import { sendControl } from './migration-host.js';

/** Actors that ended on this node, or whose home it was when they ended. In memory: a stop that nobody has heard of ends with its node. */
export class Endings {
  /** At which epoch. */
  private readonly epochs = new Map<string, number>();

  constructor(private readonly host: MigrationHost) {}

  /** The actor has ended at this epoch: its home is told, or, of a former home, the node that spawned it. */
  note(actor: string, epoch: number): void {
    this.epochs.set(actor, epoch);
    this.tell(actor);
  }

  /** True if the actor that a register names at this epoch has ended, as this node knows for certain. */
  has(actor: string, epoch: number): boolean {
    return this.epochs.get(actor) === epoch;
  }

  /** Tells it to the home, as far as known, which has changed perhaps. While the register is on its way from here nobody could answer for good. */
  tell(actor: string): void {
    const epoch = this.epochs.get(actor);
    if (epoch !== undefined && !this.host.directory.unsettled.has(actor))
      sendControl(this.host, this.host.directory.homeOf(actor), { type: 'ended', actor, epoch } as EndedMessage);
  }

  linkUp(peer: string): void {
    for (const actor of this.epochs.keys()) if (this.host.directory.homeOf(actor) === peer) this.tell(actor);
  }

  /** @returns false if that was not the question, or not asked of this node */
  heard({ actor, epoch }: EndedHeardMessage, from: string): boolean {
    return this.has(actor, epoch) && this.host.directory.homeOf(actor) === from && this.forget(actor);
  }

  forget(actor: string): boolean {
    return this.epochs.delete(actor);
  }
}
