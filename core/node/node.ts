// A node: hosts actors, gives them ways to each other, and carries the migration protocol out over its ports. Device and edge nodes are
// two wirings of it.
import { checkName, type Definition, type Handlers, type Protocol } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import { createRef, type Ref, type Where } from '../actors/ref.js';
import { decode } from '../codec/index.js';
import type { Cursor } from '../delivery/cursor.js';
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { GodwitError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { Cancel } from '../ports/clock.js';
import type { LogLevel } from '../ports/logger.js';
import type { Instance, InstanceCapture } from '../ports/runtime.js';
import type { Pipe, Transport } from '../ports/transport.js';
import { Actors, type ActorsHost } from './actors.js';
import type { Cell } from './cell.js';
import type { Channel } from './channel.js';
import type { CheckpointedMessage, CheckpointMessage } from './checkpoints.js';
import { Directory } from './directory.js';
import type { ArrivedMessage } from './incoming-move.js';
import { introduce } from './introduction.js';
import { keepLink } from './kept-link.js';
import type { BounceAnswer, ControlMessage, Link, Peer } from './link.js';
import type { EndedMessage, MigrationControl, MigrationHost } from './migration-host.js';
import { Migrations } from './migrations.js';
import { type RecalledMessage, type RecallMessage, Recalls } from './recalls.js';
import { outgoingRefs } from './refs.js';
import { Routes, type RoutesHost } from './routes.js';
import type { ActorInfo, KeptLink, MoveOptions, MoveReport, NodeEvent, NodeOptions } from './types.js';

/** What nodes say to each other beside records. */
type NodeMessage = MigrationControl | ArrivedMessage | CheckpointMessage | CheckpointedMessage | EndedMessage | RecallMessage | RecalledMessage;

const applicationProtocol: Protocol = { definition: 'application', version: 1, messages: {} };

/**
 * Starts a node. It has no link yet: see {@link Node.accept} and {@link Node.keepLink}.
 * @throws {GodwitError} INVALID_ARGUMENT bad name
 */
export function createNode(options: NodeOptions): Node {
  return new Node(options);
}

/** A place where actors live. Made by {@link createNode}. */
export class Node {
  private readonly inside: NodeInside;

  constructor(options: NodeOptions) {
    checkName(options.name, 'node');
    this.inside = new NodeInside(options);
  }

  get name(): string {
    return this.inside.id.name;
  }

  /** This life of the node. */
  get boot(): string {
    return this.inside.id.boot;
  }

  /**
   * Spawns an actor of this node's application, or attaches to it if it exists: a name is one actor.
   * @throws {GodwitError} INVALID_ARGUMENT bad name · ALREADY_EXISTS an actor of another definition has this name
   */
  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H> {
    checkName(name, 'actor');
    const address = `${this.name}/${name}`;
    this.inside.actors.start(address, definition.protocol, definition, undefined, this.boot);
    return this.refTo(definition, address);
  }

  /** A ref to an actor by its address, `home/name`. @param definition what it is believed to be */
  refTo<S, H extends Handlers<S>>(definition: Definition<S, H>, address: string): Ref<H> {
    return createRef(address, definition.protocol, this.inside.application);
  }

  /** Stops an actor that is here, and its children; whoever waits for it gets NOT_FOUND. Idempotent. */
  stop(address: string): void {
    this.inside.actors.stop(address);
  }

  /** The actors that are here. */
  actors(): ActorInfo[] {
    return this.inside.actors.infos();
  }

  /** Where an actor is, as far as this node knows. */
  where(address: string): Where | undefined {
    return this.inside.actors.where(address);
  }

  /** The state of an actor that is here, decoded, as it is between two turns. @throws {GodwitError} NOT_FOUND */
  async stateOf(address: string): Promise<unknown> {
    const cell = await this.inside.actors.running(address);
    try {
      cell.hold();
      await cell.idle();
      return decode((await captureOf(cell)).state, outgoingRefs);
    } finally {
      cell.release();
    }
  }

  /**
   * Moves an actor that is here to another node; resolves when it runs there. Code that talks to it does not notice.
   * @throws {GodwitError} NOT_FOUND it is not here · UNAVAILABLE no link · whatever made the move fail; the actor then runs on here
   */
  move(address: string, options: MoveOptions): Promise<MoveReport> {
    return this.inside.move(address, options);
  }

  /** Gets an actor of this home back, from wherever it is. @throws {GodwitError} FAILED_PRECONDITION it is not away, else as {@link move}; it then runs on there */
  recall(address: string, options: { readonly trigger?: string } = {}): Promise<MoveReport> {
    return this.inside.recalls.recall(address, options.trigger ?? 'recall');
  }

  /**
   * Ends the local actor `from`; what is sent to it from this node, and what waits for it, goes to the actor `to` from now on.
   * @param at where `to` is, if its home need not be asked @returns the last state of `from`: no turn falls between it and the end
   */
  repoint(from: string, to: string, at?: Where): Promise<unknown> {
    return this.inside.repoint(from, to, at);
  }

  /** Makes a link of a pipe that came in, already authenticated. */
  accept(pipe: Pipe): void {
    this.inside.accept(pipe);
  }

  /** Links to the node at `address` and keeps the link: dials again, with growing pauses, whenever it drops. */
  keepLink(transport: Transport, address: string, signal?: AbortSignal): KeptLink {
    return this.inside.keepLink(transport, address, signal);
  }

  /** Nodes it is linked to now. `rttMs` is NaN until the first answer to a ping. */
  peers(): ReadonlyArray<{ readonly name: string; readonly boot: string; readonly rttMs: number }> {
    return [...this.inside.routes.links.values()]
      .filter((link) => link.attached)
      .map((link) => ({ name: link.peer.node, boot: link.peer.boot, rttMs: link.rttMs }));
  }

  observe(listener: (event: NodeEvent) => void): Cancel {
    this.inside.listeners.add(listener);
    return () => this.inside.listeners.delete(listener);
  }

  /** Ends every actor and link; idempotent. Actors of this home that are away pause when their lease ends. */
  close(): Promise<void> {
    return this.inside.close();
  }
}

/** The rooms of a node, and what they tell each other. */
class NodeInside implements ActorsHost, RoutesHost, MigrationHost {
  readonly id: NodeId;
  readonly directory: Directory;
  readonly routes: Routes;
  readonly actors: Actors;
  readonly recalls: Recalls;
  readonly application: NativeInstance;
  readonly listeners = new Set<(event: NodeEvent) => void>();
  private readonly migrations: Migrations;
  private readonly keptLinks = new Set<KeptLink>();
  private closed = false;

  constructor(readonly options: NodeOptions) {
    this.id = { name: options.name, boot: options.boot ?? hex(options.random.bytes(8)) };
    this.directory = new Directory(options.name);
    this.routes = new Routes(this);
    this.actors = new Actors(this, options);
    this.migrations = new Migrations(this);
    this.recalls = new Recalls(this);
    const cell = this.actors.createApplication(applicationProtocol, this.id.boot);
    this.application = new NativeInstance(options.name, undefined, cell.outlet, 'application');
    cell.run(this.application);
  }

  get name(): string {
    return this.id.name;
  }

  get clock() {
    return this.options.clock;
  }

  async move(address: string, options: MoveOptions): Promise<MoveReport> {
    return this.migrations.move(await this.actors.running(address), options);
  }

  async repoint(from: string, to: string, at?: Where): Promise<unknown> {
    const cell = await this.actors.running(from);
    cell.hold();
    await cell.idle();
    let state: unknown;
    try {
      state = decode((await captureOf(cell)).state, outgoingRefs);
    } catch (thrown) {
      cell.release();
      throw thrown;
    }
    if (at !== undefined) this.directory.adopt(to, { node: at.node, epoch: at.epoch });
    this.routes.detach(cell);
    const waiting = cell.mailbox.drain();
    this.routes.repoint(from, to);
    for (const record of waiting) this.sendAgain(record, to);
    this.actors.end(cell, `actor ${from} was merged into ${to}`);
    return state;
  }

  accept(pipe: Pipe): void {
    introduce(
      pipe,
      this.id,
      this.clock,
      (peer) => this.attach(pipe, peer),
      (error) => this.log('warn', 'link.refused', { code: error.code, reason: error.message }),
    );
  }

  keepLink(transport: Transport, address: string, signal?: AbortSignal): KeptLink {
    const { clock, random, logger } = this.options;
    const link = keepLink({ transport, address, id: this.id, clock, random, logger, attach: (pipe, peer, onDown) => this.attach(pipe, peer, onDown) }, signal);
    this.keptLinks.add(link);
    return link;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const link of this.keptLinks) link.close();
    this.migrations.close();
    this.recalls.close();
    this.routes.close();
    this.actors.close();
    for (const runtime of this.options.runtimes) await runtime.close();
  }

  emit(event: NodeEvent): void {
    for (const listener of this.listeners) listener(event);
    const { type, ...fields } = event;
    this.log(type === 'dead-letter' || type === 'move-failed' || type === 'turn-failed' ? 'warn' : 'info', `node.${type}`, fields);
  }

  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void {
    this.options.logger.log(level, event, { node: this.name, ...fields });
  }

  // ── Links ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  linkUp(link: Link): void {
    this.emit({ type: 'link-up', peer: link.peer.node, boot: link.peer.boot });
    this.migrations.peerRegained(link);
  }

  linkDown(link: Link, reason: string): void {
    if (this.closed) return;
    this.emit({ type: 'link-down', peer: link.peer.node, reason });
    this.migrations.peerLost(link);
    this.recalls.linkLost(link, reason);
  }

  linkFailed(link: Link, error: GodwitError): void {
    this.log('error', 'link.failed', { peer: link.peer.node, code: error.code, reason: error.message });
  }

  control(link: Link, received: ControlMessage): void {
    const message = received as NodeMessage;
    switch (message.type) {
      case 'migration':
        this.migrations.receive(message.message, link);
        break;
      case 'arrived':
        this.migrations.arrived(message);
        break;
      case 'checkpoint':
        this.migrations.keep(message, link);
        break;
      case 'checkpointed':
        this.migrations.checkpointed(message);
        break;
      case 'ended':
        this.migrations.endedAway(message, link);
        break;
      case 'recall':
        this.recalls.asked(link, message);
        break;
      case 'recalled':
        this.recalls.answered(message);
        break;
      default:
        // A peer may say anything.
        this.log('warn', 'link.unknown-message', { peer: link.peer.node, type: String((message satisfies never as ControlMessage).type) });
    }
  }

  bounced(channel: Channel, link: Link, answer: BounceAnswer): void {
    this.routes.bounced(channel, link, answer);
  }

  gap(cell: Cell, cursor: Cursor): void {
    const { lost } = cursor;
    cursor.lost = 0;
    this.emit({ type: 'gap', actor: cell.address, sender: cursor.from.$address, lost });
  }

  arriving(address: string): boolean {
    return this.migrations.isArriving(address);
  }

  delivered(channel: Channel): void {
    this.routes.forget(channel);
  }

  deadLetter(cell: Cell, record: ChannelRecord, reason: string): void {
    this.actors.deadLetter(cell, record, reason);
  }

  reexecuted(channel: Channel, record: ChannelRecord): void {
    this.emit({ type: 'reexecuted', actor: channel.to, message: record.message, sender: channel.from.address });
  }

  fenced(cell: Cell, epoch: number): void {
    this.migrations.epochSeen(cell.address, epoch);
  }

  private attach(pipe: Pipe, peer: Peer, onDown?: () => void): void {
    if (this.closed) {
      pipe.close();
      return;
    }
    this.routes.attach(pipe, peer);
    const dropped = pipe.onClose;
    pipe.onClose = (error) => {
      dropped(error);
      onDown?.();
    };
  }

  // ── Actors ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  now(): number {
    return this.actors.now();
  }

  cell(address: string): Cell | undefined {
    return this.actors.get(address);
  }

  checkpointWhenDue(cell: Cell): void {
    this.migrations.checkpointWhenDue(cell);
  }

  ended(cell: Cell): void {
    this.migrations.endedHere(cell);
  }

  createCell(address: string, protocol: Protocol): Cell {
    return this.actors.createCell(address, protocol);
  }

  enter(cell: Cell): void {
    this.actors.enter(cell);
  }

  leave(cell: Cell, to: NodeId, epoch: number): void {
    this.actors.leave(cell, to, epoch);
  }

  forget(address: string): void {
    this.directory.forget(address);
    this.routes.reroute(address);
  }

  knowsNatively(definition: string): boolean {
    return this.actors.knowsNatively(definition);
  }

  createInstance(...args: Parameters<Actors['createInstance']>): Promise<Instance> {
    return this.actors.createInstance(...args);
  }

  startTimer(...args: Parameters<Actors['startTimer']>): void {
    this.actors.startTimer(...args);
  }

  private sendAgain(record: TurnRecord, to: string): void {
    const sender = record.sender === undefined ? undefined : this.actors.get(record.sender.$address);
    const ask = sender?.outlet.asks.get(record.correlation);
    if (ask !== undefined) ask.to = to;
    sender?.outlet.repost(record, to);
  }
}

/** @throws {GodwitError} ABORTED its instance was lost while the running turns ended */
function captureOf(cell: Cell): InstanceCapture | Promise<InstanceCapture> {
  if (cell.instance === undefined) throw new GodwitError('ABORTED', `actor ${cell.address} lost its instance: try again`);
  return cell.instance.capture(false);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
