// Which way each channel goes: into a mailbox of this node, over the link to another, or nowhere yet.
//
// A channel follows its receiver: when it arrives here, leaves, or is heard of elsewhere, every channel to it is led anew, and what the
// outbox still holds is sent again that way (O3). Nobody forwards for anybody else.
import type { ChannelRecord } from '../delivery/record.js';
import { GodwitError } from '../errors.js';
import type { Pipe } from '../ports/transport.js';
import type { Cell } from './cell.js';
import type { Channel } from './channel.js';
import type { Handed } from './directory.js';
import { type BounceAnswer, Link, type LinkHost, type Peer } from './link.js';

/** What routes need of their node. */
export interface RoutesHost extends LinkHost {
  deadLetter(cell: Cell, record: ChannelRecord, reason: string): void;
  reexecuted(channel: Channel, record: ChannelRecord): void;
  linkUp(link: Link): void;
  fenced(cell: Cell, epoch: number): void;
  /** Who is, or was, an actor's home says who is. */
  rehomed(address: string, handed: Handed): void;
  /** A node that was taken for an actor's home is none. */
  disclaimed(address: string, by: string): void;
  /** True while a move brings the actor here. */
  arriving(address: string): boolean;
}

/** Until an owner that does not know of its actor is asked again, in milliseconds. */
const askAgainMs = 100;
/** Between two questions where the receivers behind a dropped link are, in milliseconds: a few within a lease. */
const askHomeMs = 500;

/** Records wait in it, and nobody can be given them. */
function isStuck(channel: Channel): boolean {
  return channel.held.length > 0 && channel.cell === undefined && channel.link?.attached !== true;
}

export class Routes {
  readonly links = new Map<string, Link>();
  private readonly channels = new Map<string, Set<Channel>>();
  /** True while the homes of receivers out of reach are about to be asked. */
  private asking = false;

  constructor(private readonly host: RoutesHost) {}

  /** Takes a channel in and gives it its first way. */
  route(channel: Channel): void {
    const to = this.host.directory.resolve(channel.to);
    let group = this.channels.get(to);
    if (group === undefined) {
      group = new Set();
      this.channels.set(to, group);
    }
    group.add(channel);
    this.lead(channel, to);
  }

  forget(channel: Channel): void {
    channel.link?.release(channel);
    channel.disconnect();
    const to = this.host.directory.resolve(channel.to);
    const group = this.channels.get(to);
    group?.delete(channel);
    if (group?.size === 0) this.channels.delete(to);
  }

  /** Leads every channel to `address` anew. */
  reroute(address: string): void {
    for (const channel of this.channels.get(address) ?? []) this.lead(channel, address);
  }

  /** Somebody says where the actor is. Older news than what is known changes nothing. */
  relocate(address: string, { node, epoch }: { readonly node: string; readonly epoch: number }): void {
    if (this.host.directory.adopt(address, { node, epoch })) this.reroute(address);
  }

  /** Lets channels from this node wait in their outboxes: the receiver is being captured. */
  detach(cell: Cell): void {
    cell.detached = true;
    for (const channel of this.channels.get(cell.address) ?? []) channel.disconnect();
  }

  /** The actor goes on here after all. */
  attachAgain(cell: Cell): void {
    cell.detached = false;
    this.reroute(cell.address);
  }

  /** I3: the register says that the actor has a later owner: what a former one still sends here is refused. */
  fence(address: string, epoch: number): void {
    for (const link of this.links.values()) link.fence(address, epoch);
  }

  /** The actor sends under another epoch from now on: whoever it sends to is told. */
  reopen(cell: Cell): void {
    for (const channel of cell.outlet.channels.values()) {
      channel.link?.release(channel);
      channel.disconnect();
      this.lead(channel, this.host.directory.resolve(channel.to));
    }
  }

  /** What a copy that is over has not handled goes back to its senders on this node; those elsewhere hold it yet (O2). */
  handBack(cell: Cell): void {
    const waiting = [...cell.inflight, ...cell.mailbox];
    for (const channel of this.channels.get(cell.address) ?? []) {
      const { cursor, from } = channel;
      if (channel.cell === cell && !channel.holds && cursor !== undefined)
        from.outlet.takeBack(
          channel,
          waiting.filter((record) => record.cursor === cursor),
        );
    }
  }

  /** Every channel of a cell leaves this node with it. */
  leave(cell: Cell): void {
    for (const channel of cell.outlet.channels.values()) this.forget(channel);
  }

  /** The sender ended: what it has sent is still delivered, then its channels go. */
  retire(cell: Cell): void {
    for (const channel of cell.outlet.channels.values()) {
      if (channel.held.length === 0) this.forget(channel);
      else {
        channel.retiring = true;
        // It does nothing any more that a standby would have to know of first.
        channel.release(channel.next - 1);
        if (channel.cell !== undefined && channel.nextToSend() === undefined) this.forget(channel);
      }
    }
  }

  /** Records to `from` go to `to` from now on. */
  repoint(from: string, to: string): void {
    this.host.directory.repoint(from, to);
    const moved = this.channels.get(from) ?? new Set();
    this.channels.delete(from);
    for (const channel of moved) {
      channel.link?.release(channel);
      channel.disconnect();
      channel.from.outlet.redirect(channel, to);
    }
  }

  /** The link to a peer that has introduced itself over `pipe`; an earlier pipe is replaced. */
  attach(pipe: Pipe, peer: Peer): Link {
    let link = this.links.get(peer.node);
    if (link === undefined) {
      link = new Link(peer, this.host);
      this.links.set(peer.node, link);
    }
    const routed: Channel[] = [];
    const elsewhere: Array<{ readonly channel: Channel; readonly address: string }> = [];
    for (const [address, group] of this.channels) {
      const leadsThere = this.host.cell(address) === undefined && this.host.directory.nodeFor(address) === peer.node;
      for (const channel of group) {
        if (leadsThere) {
          channel.link = link;
          routed.push(channel);
        } else if (channel.link === link) elsewhere.push({ channel, address });
      }
    }
    // Their stream numbers are of a session that is over.
    for (const { channel } of elsewhere) link.release(channel);
    link.attach(pipe, peer, routed);
    for (const { channel, address } of elsewhere) this.lead(channel, address);
    this.host.linkUp(link);
    return link;
  }

  /**
   * A takeover is told to nobody: who has records waiting for a receiver whose node is out of reach asks the home, time and again, where it is.
   */
  askHomes(): void {
    if (this.asking) return;
    this.asking = true;
    this.host.clock.after(askHomeMs, () => {
      this.asking = false;
      const waiting = [...this.channels].flatMap(([address, group]) =>
        this.isHomeElsewhere(address) ? [...group].filter((channel) => isStuck(channel)).map((channel) => ({ address, channel })) : [],
      );
      for (const { address, channel } of waiting) {
        // What is known is worth more than a question that cannot be asked.
        if (this.links.get(this.host.directory.homeOf(address))?.attached !== true) continue;
        this.host.directory.forget(address);
        this.lead(channel, address);
      }
      if (waiting.length > 0) this.askHomes();
    });
  }

  /** Who was the home may say who is. */
  private noteHome(address: string, { peer }: Link, { home, term }: BounceAnswer): void {
    const { directory } = this.host;
    if (home === undefined || directory.homeOf(address) !== peer.node) return;
    if (term === undefined) this.host.disclaimed(address, peer.node);
    else this.host.rehomed(address, { home, term });
  }

  private isHomeElsewhere(address: string): boolean {
    const home = this.host.directory.homeOf(address);
    return home !== this.host.name && home !== this.host.directory.nodeFor(address);
  }

  /** A receiver is not where a record was sent. */
  bounced(channel: Channel, link: Link, answer: BounceAnswer): void {
    if (channel.link !== link) return;
    const address = this.host.directory.resolve(channel.to);
    link.release(channel);
    this.noteHome(address, link, answer);
    if (answer.fenced === true) {
      this.host.fenced(channel.from, answer.epoch ?? 0);
      // If the actor is the owner after all it sends on, under an epoch that is newer by then, or to one who knows better.
      this.leadLater(channel, address);
      return;
    }
    if (answer.reborn !== undefined) {
      channel.from.forgetLife(channel.to, answer.reborn);
      this.lead(channel, address);
    } else if (answer.coming === true) {
      this.leadLater(channel, address);
    } else if (answer.node !== undefined && answer.epoch !== undefined && this.leadsElsewhere(address, link, { node: answer.node, epoch: answer.epoch })) {
      this.lead(channel, address);
    } else if (this.host.directory.unsettled.has(address)) {
      // The next home may not have the register yet.
      this.leadLater(channel, address);
    } else if (this.host.directory.homeOf(address) === this.host.name) {
      this.ownerKnowsNothing(channel, link, address);
    } else if (answer.node === undefined && link.peer.node === this.host.directory.homeOf(address)) {
      this.refuse(channel, new GodwitError('NOT_FOUND', `there is no actor ${address}: its home ${link.peer.node} does not know it`));
    } else {
      // Whoever was believed to have it knows nothing, or nothing newer: the home does.
      this.host.directory.forget(address);
      if (answer.node === undefined) this.lead(channel, address);
      else this.leadLater(channel, address);
    }
  }

  /** What a peer says of an actor it does not have, unless it is older than the belief that it has it. */
  private leadsElsewhere(address: string, { peer }: Link, news: { readonly node: string; readonly epoch: number }): boolean {
    this.relocate(address, news);
    return this.host.directory.nodeFor(address) !== peer.node;
  }

  /** This node is the home, whose register alone says where the actor is: its owner may not have heard yet that it owns, or is lost. */
  private ownerKnowsNothing(channel: Channel, link: Link, address: string): void {
    const owner = this.host.ownerOf(address);
    if (owner === undefined) this.host.directory.forget(address);
    else this.host.directory.adopt(address, owner);
    if (owner?.node !== link.peer.node) this.lead(channel, address);
    else this.leadLater(channel, address);
  }

  private leadLater(channel: Channel, address: string): void {
    this.host.clock.after(askAgainMs, () => {
      const isWaiting = channel.link === undefined && channel.cell === undefined && this.channels.get(address)?.has(channel) === true;
      if (isWaiting) this.lead(channel, address);
    });
  }

  close(): void {
    for (const link of this.links.values()) link.close();
  }

  private lead(channel: Channel, address: string): void {
    const cell = this.host.cell(address);
    if (cell !== undefined && cell.status !== 'ended') {
      channel.link?.release(channel);
      if (cell.detached) channel.disconnect();
      else if (channel.cell !== cell) this.connect(channel, cell);
      return;
    }
    channel.disconnect();
    if (this.host.directory.nodeFor(address) === this.host.name && this.host.directory.homeOf(address) !== this.host.name && !this.host.arriving(address)) {
      // It was here once; its home knows where it is.
      this.host.directory.forget(address);
    }
    const node = this.host.directory.nodeFor(address);
    if (node === this.host.name) {
      channel.link?.release(channel);
      // It is on its way here: `enter`, or the end of its move, leads the channel anew.
      if (this.host.arriving(address)) return;
      // Records are taken first and refused after, so that an ask ends by rejection, never by a throw.
      channel.refusing = true;
      queueMicrotask(() => this.refuseIfStillMissing(channel, address));
      return;
    }
    const link = this.links.get(node);
    if (channel.link === link && link !== undefined) return;
    channel.link?.release(channel);
    channel.rewind();
    channel.link = link;
    if (link?.attached === true) link.offer(channel);
    else this.askHomes();
  }

  /** The receiver is here: what waits in the outbox goes to its mailbox, then the channel leads there. */
  private connect(channel: Channel, cell: Cell): void {
    const { target, life, epoch } = channel.from;
    // What a former life of the receiver had asked is not answered to this one: see Inbound.open.
    channel.from.forgetLife(cell.address, cell.life);
    let cursor: ReturnType<Cell['cursorFor']>;
    try {
      cursor = cell.cursorFor(target, life, channel.incarnation, epoch);
    } catch (thrown) {
      this.host.fenced(channel.from, GodwitError.from(thrown).code === 'ABORTED' ? (cell.cursors.get(target.$address)?.epoch ?? 0) : 0);
      this.leadLater(channel, this.host.directory.resolve(channel.to));
      return;
    }
    channel.connect(cell, cursor);
    if (channel.holds) {
      if (cursor.lost > 0) this.host.gap(cell, cursor);
      return;
    }
    for (const record of channel.empty()) {
      if (cursor.accept(record.number) !== 'next' || cursor.wasHandled(record.number)) continue;
      if (record.kind === 'ask' && channel.from.outlet.askFor(record.correlation) === undefined) this.host.reexecuted(channel, record);
      record.cursor = cursor;
      record.sender = cursor.from;
      cell.arrive(record);
    }
    // What the channel sends from now on is not checked any more, so the numbers must meet here.
    cursor.skipTo(channel.next);
    if (cursor.lost > 0) this.host.gap(cell, cursor);
    if (channel.retiring) this.forget(channel);
  }

  private refuseIfStillMissing(channel: Channel, address: string): void {
    channel.refusing = false;
    if (channel.cell !== undefined || channel.link !== undefined) return;
    if (this.host.directory.nodeFor(address) !== this.host.name || this.host.cell(address) !== undefined) this.lead(channel, address);
    else this.refuse(channel, new GodwitError('NOT_FOUND', `there is no actor ${address} on node ${this.host.name}`));
  }

  private refuse(channel: Channel, error: GodwitError): void {
    for (const record of channel.empty()) channel.from.outlet.refused(record, error);
    if (channel.retiring) this.forget(channel);
    // What is sent later is tried again: the actor may exist by then.
    channel.rewind();
    channel.missing = true;
  }
}
