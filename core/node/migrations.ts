// Carries the migration protocol of `core/migration` out on a node: hands each message to the machines it is for. Each machine's effects
// are carried out beside it: outgoing-move, incoming-move, owners, homes.
import { GodwitError, valueFromError } from '../errors.js';
import { answerStray, type MigrationMessage, type MoveId, type PrepareMessage, type Register, receiversOf, sameNode } from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import { checkPrepare, denialOf } from './authority.js';
import { BaseExchange } from './base-exchange.js';
import { Bases } from './bases.js';
import type { Cell } from './cell.js';
import { Checkpoints } from './checkpoints.js';
import { originOf } from './directory.js';
import { Endings } from './endings.js';
import { hearersOf } from './hearers.js';
import { Homes } from './homes.js';
import { type ArrivedMessage, IncomingMove, type IncomingMoveContext } from './incoming-move.js';
import type { Link } from './link.js';
import { parseManifest } from './manifest.js';
import {
  at,
  type DisownedMessage,
  type EndedHeardMessage,
  type EndedMessage,
  type MigrationControl,
  type MigrationHost,
  sendControl,
} from './migration-host.js';
import { OutgoingMove, type OutgoingMoveContext } from './outgoing-move.js';
import { Owners } from './owners.js';
import { Rehoming, type RehomingContext } from './rehoming.js';
import { moduleOf } from './shipped-module.js';
import type { MoveOptions, MoveReport } from './types.js';

export class Migrations implements OutgoingMoveContext, IncomingMoveContext, RehomingContext {
  readonly bases = new Bases();
  private readonly outgoing = new Map<string, OutgoingMove>();
  private readonly incoming = new Map<string, IncomingMove>();
  readonly checkpoints: Checkpoints;
  readonly exchange: BaseExchange;
  private readonly owners: Owners;
  readonly homes: Homes;
  readonly rehoming: Rehoming;
  private readonly endings: Endings;
  /** Cells of moves that have not ended for their callers. */
  private readonly leaving = new Set<Cell>();
  private moves = 0;
  private closed = false;

  constructor(private readonly host: MigrationHost) {
    const send = (to: string, message: MigrationMessage) => this.send(to, message);
    this.owners = new Owners(host, send);
    this.endings = new Endings(host);
    this.exchange = new BaseExchange(host, this.bases, (actor) => this.ask(actor));
    this.homes = new Homes(
      host,
      this.bases,
      send,
      (cell, move, leaseUntilMs) => this.own(cell, move, leaseUntilMs),
      (from, actor, hash) => this.exchange.obtain(from, actor, hash),
    );
    this.checkpoints = new Checkpoints(host, this.bases, this.homes);
    this.rehoming = new Rehoming(host, this);
    this.homes.onOwner = (actor) => this.rehoming.returnIfDue(actor);
  }

  /** Goes on where the node's former life ended. */
  load(): void {
    this.rehoming.load(this.homes.load());
  }

  /** The application spawned an actor of this home. @returns true if it exists already, elsewhere or on its way back */
  spawned(address: string, again: () => void): boolean {
    return this.rehoming.spawned(address, again) || this.homes.spawned(address);
  }

  /** Moves an actor that runs here. Resolves when it runs there. @throws {GodwitError} the reason for which it was given up; the actor then runs on here */
  async move(cell: Cell, options: MoveOptions): Promise<MoveReport> {
    const { id } = this.host;
    if (options.to === id.name) throw new GodwitError('FAILED_PRECONDITION', `actor ${cell.address} is on node ${id.name} already`);
    const link = this.host.routes.links.get(options.to);
    if (link === undefined || !link.attached) throw new GodwitError('UNAVAILABLE', `no link to node ${options.to}: actor ${cell.address} stays on ${id.name}`);
    if (options.signal?.aborted === true) throw new GodwitError('CANCELLED', `move of ${cell.address} to ${options.to} was given up by its caller`);
    if (this.leaving.has(cell)) throw new GodwitError('ABORTED', `actor ${cell.address} is already on the move`);
    if (cell.replay !== undefined) throw new GodwitError('ABORTED', `actor ${cell.address} is still coming back from the loss of its owner`);
    this.leaving.add(cell);
    try {
      return await this.begin(cell, options, link);
    } finally {
      this.leaving.delete(cell);
    }
  }

  private async begin(cell: Cell, options: MoveOptions, link: Link): Promise<MoveReport> {
    const { id } = this.host;
    const move = `${id.boot}-${++this.moves}` as MoveId;
    const manifest = await moduleOf(this.host, cell);
    if (this.closed) throw new GodwitError('CANCELLED', `node ${id.name} was closed`);
    await this.homes.begin(cell, manifest);
    if (!link.attached) throw new GodwitError('UNAVAILABLE', `lost the link to node ${options.to}: actor ${cell.address} stays on ${id.name}`);
    if (this.closed || cell.status !== 'running') throw new GodwitError('ABORTED', `actor ${cell.address} ended while it was about to move`);
    if (this.owners.get(cell.address) === undefined) this.own(cell, move, Number.POSITIVE_INFINITY);
    const outgoing = new OutgoingMove(this.host, this, cell, manifest, move, options);
    this.outgoing.set(move, outgoing);
    outgoing.begin(link.peer);
    return outgoing.result;
  }

  /** True while a move brings the actor here. */
  isArriving(address: string): boolean {
    for (const { actor } of this.incoming.values()) if (actor === address) return true;
    return this.homes.isRestoring(address);
  }

  /** Hands a message to the machines it is for. @param link the one it came by; undefined for what this node says to itself */
  receive(message: MigrationMessage, link: Link | undefined): void {
    if (link !== undefined && (message.from.name !== link.peer.node || message.from.boot !== link.peer.boot)) {
      throw new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} sent a '${message.type}' in the name of ${message.from.name}`);
    }
    if (link !== undefined) {
      const { directory } = this.host;
      const denial = denialOf(message, this.outgoing.get(message.move)?.machine.state, this.incoming.get(message.move)?.machine.state, directory);
      if (denial !== undefined) {
        link.refuse('authority', denial);
        if (message.type === 'prepare') this.refuse(message, denial);
        return;
      }
    }
    if (message.type === 'prepare' && !this.incoming.has(message.move) && !this.expect(message)) return;
    const event = at(this.host, { type: 'message', message } as const);
    const machines = hearersOf(message, { outgoing: this.outgoing, incoming: this.incoming, owners: this.owners, homes: this.homes });
    for (const machine of machines) machine.feed(event);
    if (message.type === 'registered') this.registered(message.actor, message.register);
    const known = machines.length > 0;
    if (!known && link !== undefined && receiversOf[message.type][0] === 'home') this.answerForHome(message, link);
    const stray = known ? undefined : answerStray(message, this.host.id);
    if (stray !== undefined) this.send(stray.to, stray.message);
  }

  private registered(actor: string, { base, owner, epoch }: Register): void {
    const { id, directory, routes } = this.host;
    this.checkpoints.registered(actor, base?.hash);
    // What another home keeps of an actor that was spawned here.
    if (originOf(actor) !== id.name || directory.homeOf(actor) === id.name) return;
    this.rehoming.found(actor);
    if (owner.name !== id.name) routes.relocate(actor, { node: owner.name, epoch });
  }

  /** This node is taken for the home of an actor, and has no register of it. */
  private answerForHome({ type, actor }: MigrationMessage, link: Link): void {
    if (this.rehoming.answer(actor, link) || type !== 'query') return;
    link.control({ type: 'disowned', actor } as DisownedMessage);
    this.endings.tell(actor);
  }

  ownerOf(address: string): { readonly node: string; readonly epoch: number } | undefined {
    const register = this.homes.get(address)?.state.register;
    return register === undefined ? undefined : { node: register.owner.name, epoch: register.epoch };
  }

  arrived(message: ArrivedMessage, link: Link): void {
    const move = this.outgoing.get(message.move);
    if (move?.to === link.peer.node) move.arrived(message);
  }

  peerLost(link: Link): void {
    const event = at(this.host, { type: 'peerLost', peer: link.peer.node } as const);
    for (const { machine } of [...this.outgoing.values(), ...this.incoming.values()]) machine.feed(event);
    for (const move of this.outgoing.values()) move.peerLost(link.peer.node);
    this.exchange.linkLost(link);
    this.checkpoints.linkLost(link);
    this.rehoming.linkLost(link);
  }

  peerRegained(link: Link): void {
    const event = at(this.host, { type: 'peerRegained', peer: link.peer.node } as const);
    for (const { machine } of [...this.outgoing.values(), ...this.incoming.values()]) machine.feed(event);
    this.checkpoints.linkRegained(link.peer.node);
    this.owners.peerRegained(link.peer.node);
    this.homes.nodeSeen({ name: link.peer.node, boot: link.peer.boot });
    this.rehoming.linkUp(link);
    this.endings.linkUp(link.peer.node);
  }

  /** A peer spoke of a later epoch of an actor that runs here. */
  epochSeen(address: string, epoch: number): void {
    this.owners.get(address)?.feed(at(this.host, { type: 'epochSeen', epoch } as const));
  }

  /** True for an actor whose move only the home can decide any more. */
  isProposed(cell: Cell): boolean {
    for (const move of this.outgoing.values()) if (move.cell === cell && move.machine.state.phase === 'proposing') return true;
    return false;
  }

  /** An actor ended on this node: its home forgets it. */
  endedHere(cell: Cell): void {
    const { address, epoch } = cell;
    const moves = [...this.outgoing.values()].filter((move) => move.cell === cell);
    // Of a child that a guest spawned here its home knows nothing.
    const isOwned = this.owns(address) || moves.length > 0;
    for (const move of moves) move.abandon(`actor ${address} was stopped while it moved`);
    this.owners.end(cell);
    this.checkpoints.left(cell);
    if (this.host.directory.homeOf(address) === this.host.id.name) this.forgetHome(address);
    else if (isOwned) this.endings.note(address, epoch);
  }

  /** The owner of an actor of this home, or the home of one that was spawned here, says that it ended. */
  endedAway({ actor, epoch, lost }: EndedMessage, link: Link): void {
    const { directory, id } = this.host;
    const by = { name: link.peer.node, boot: link.peer.boot };
    const register = this.homes.get(actor)?.state.register;
    const isOwner = register?.epoch === epoch && sameNode(register.owner, by);
    if (lost === true) {
      if (isOwner) this.homes.ownerGone(actor, by, epoch);
      return;
    }
    // Whoever has its register in the end is told again.
    if (directory.unsettled.has(actor) || this.rehoming.isTaking(actor)) return;
    const home = directory.homeOf(actor);
    if (isOwner) {
      this.forgetHome(actor);
      this.host.forget(actor);
    } else if (home === by.name) this.disowned({ type: 'disowned', actor }, link);
    else if (home !== id.name) {
      if (!this.rehoming.answer(actor, link)) link.control({ type: 'disowned', actor } as DisownedMessage);
      return;
    }
    link.control({ type: 'ended-heard', actor, epoch } as EndedHeardMessage);
  }

  endedHeard(message: EndedHeardMessage, { peer }: Link): void {
    const { directory, id } = this.host;
    const { actor } = message;
    // Who spawned it counts on from here.
    if (this.endings.heard(message, peer.node) && originOf(actor) === peer.node && peer.node !== id.name) directory.forgetHome(actor);
  }

  private forgetHome(actor: string): void {
    const epoch = this.homes.get(actor)?.state.register.epoch;
    this.homes.forget(actor);
    if (epoch !== undefined) this.endedAt(actor, epoch);
  }

  /** The home of an actor that runs, is retained, or is expected here knows nothing of it: it forgot it with its former life, or the actor was stopped. */
  disowned({ actor }: DisownedMessage, from: Link): void {
    const { directory } = this.host;
    if (directory.homeOf(actor) !== from.peer.node || directory.unsettled.has(actor)) return;
    const origin = originOf(actor);
    if (origin !== this.host.id.name && origin !== from.peer.node) {
      this.rehoming.disclaimed(actor, from.peer.node);
      return;
    }
    const isOrigin = origin === this.host.id.name;
    if (isOrigin && this.host.cell(actor) !== undefined) {
      this.rehoming.disowned(actor);
      return;
    }
    this.owners.disowned(actor, { name: from.peer.node, boot: from.peer.boot });
    for (const [move, { cell }] of [...this.outgoing]) if (cell.address === actor) this.ended(move as MoveId);
    for (const [move, arriving] of [...this.incoming]) {
      if (arriving.actor !== actor) continue;
      arriving.close();
      this.ended(move as MoveId);
    }
    this.bases.forget(actor);
    if (isOrigin) this.rehoming.disowned(actor);
  }

  /** A durable actor goes on from what its home keeps, at its home. If the home does not hear of it now, it does when the lease ends. */
  instanceLost(cell: Cell): void {
    const home = this.host.directory.homeOf(cell.address);
    this.owners.end(cell);
    this.homes.ownerGone(cell.address, this.host.id, cell.epoch);
    this.host.leave(cell, { name: home, boot: '' }, cell.epoch);
    if (home !== this.host.id.name) sendControl(this.host, home, { type: 'ended', actor: cell.address, epoch: cell.epoch, lost: true } as EndedMessage);
  }

  close(): void {
    this.closed = true;
    for (const move of this.outgoing.values()) {
      move.result.catch(() => undefined);
      move.close();
    }
    for (const move of this.incoming.values()) move.close();
    this.owners.close();
    this.homes.close();
    this.rehoming.close();
  }

  // ── What moves need ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  send(to: string, message: MigrationMessage): void {
    if (to === this.host.id.name) this.receive(message, undefined);
    else sendControl(this.host, to, { type: 'migration', message } as MigrationControl);
  }

  own(cell: Cell, move: MoveId, leaseUntilMs: number): void {
    this.owners.own(cell, move, leaseUntilMs);
    this.checkpoints.owned(cell);
  }

  /** The actor comes here anew. A copy of the past, cut off from its home since then, may not have heard that it is over. */
  entering(cell: Cell): void {
    this.endings.forget(cell.address);
    const former = this.host.cell(cell.address);
    if (former !== undefined && former !== cell) this.owners.replaced(former, cell.epoch);
  }

  handOver(cell: Cell): void {
    this.owners.end(cell);
  }

  admitted({ actor, home, term, epoch }: PrepareMessage): void {
    const { directory } = this.host;
    const cell = this.host.cell(actor);
    // An owner that is here knows better, unless it is one of the past.
    const isLate = cell !== undefined && cell.epoch >= epoch;
    const isNews = !isLate && directory.rehome(actor, { home, term: term ?? 0 });
    const known = directory.homeOf(actor);
    if (isNews || known !== home) this.rehomed(actor, known);
  }

  ask(actor: string): void {
    const { id, options, directory } = this.host;
    this.send(directory.homeOf(actor), { type: 'query', move: 'where' as MoveId, actor, epoch: 1, from: id, askedAtMs: options.clock.now() });
  }

  owns(actor: string): boolean {
    return this.owners.get(actor) !== undefined;
  }

  hasEnded(actor: string, epoch: number): boolean {
    return this.endings.has(actor, epoch);
  }

  endedAt(actor: string, epoch: number): void {
    this.endings.forget(actor);
    if (originOf(actor) === this.host.id.name) return;
    // Where it was spawned its name is free again.
    this.host.directory.disclaimed(actor, this.host.id.name);
    this.endings.note(actor, epoch);
  }

  rehomed(actor: string, home: string): void {
    const event = at(this.host, { type: 'rehomed', home } as const);
    for (const { cell, machine } of [...this.outgoing.values()]) if (cell.address === actor) machine.feed(event);
    for (const incoming of [...this.incoming.values()]) if (incoming.actor === actor) incoming.machine.feed(event);
    this.owners.get(actor)?.feed(event);
    this.checkpoints.rehomed(actor);
    this.endings.tell(actor);
  }

  running(cell: Cell, hash: Hash, bytes: Uint8Array): void {
    if (this.host.directory.homeOf(cell.address) !== this.host.id.name) return;
    // Home again, with its bytes: nobody else needs to keep a copy.
    this.homes.checkpointed(cell.address, this.host.id, cell.epoch, { hash, turns: cell.turns }, bytes);
  }

  ended(move: MoveId): void {
    const machine = this.outgoing.get(move)?.machine ?? this.incoming.get(move)?.machine;
    machine?.close();
    const arriving = this.incoming.get(move)?.actor;
    this.outgoing.delete(move);
    this.incoming.delete(move);
    // What waited for the actor to come goes where it is now.
    if (arriving !== undefined) this.host.routes.reroute(arriving);
  }

  /** A move begins to come here. @returns false if it was refused at once */
  private expect(message: PrepareMessage): boolean {
    const { move, actor, from } = message;
    const { directory, id } = this.host;
    try {
      checkPrepare(message, id, this.homes.get(actor)?.state.register, this.host.cell(actor)?.epoch, this.incoming.size, directory);
      this.incoming.set(move, new IncomingMove(this.host, this, move, actor, parseManifest(message.manifest), from.name));
      return true;
    } catch (thrown) {
      const error = GodwitError.from(thrown);
      // This node may be late itself: it asks who it takes for the home.
      if (error.code === 'ABORTED' && directory.homeOf(actor) !== id.name) this.ask(actor);
      this.refuse(message, error);
      return false;
    }
  }

  private refuse({ move, actor, epoch, from }: PrepareMessage, reason: GodwitError): void {
    const { id } = this.host;
    this.send(from.name, { type: 'refused', move, actor, epoch, from: id, reason: valueFromError(reason, id.name) });
  }
}
