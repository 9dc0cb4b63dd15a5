// The rooms of a node, and what they tell each other: actors, routes and links, migrations, recalls.
import type { Protocol } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import type { Where } from '../actors/ref.js';
import { decode } from '../codec/index.js';
import type { Cursor } from '../delivery/cursor.js';
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { GodwitError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { LogLevel } from '../ports/logger.js';
import type { Instance, InstanceCapture } from '../ports/runtime.js';
import type { Pipe, Transport } from '../ports/transport.js';
import { Actors, type ActorsHost } from './actors.js';
import type { Cell } from './cell.js';
import type { Channel } from './channel.js';
import { hear } from './control-messages.js';
import { Directory, type Handed } from './directory.js';
import { introduce } from './introduction.js';
import { keepLink } from './kept-link.js';
import type { BounceAnswer, ControlMessage, Link, Peer } from './link.js';
import type { MigrationHost } from './migration-host.js';
import { Migrations } from './migrations.js';
import { Recalls } from './recalls.js';
import { outgoingRefs } from './refs.js';
import { Routes, type RoutesHost } from './routes.js';
import type { KeptLink, MoveOptions, MoveReport, NodeEvent, NodeOptions } from './types.js';

/** Of events that are no 'info': what went wrong, and what is told after every batch of turns. */
const levels: { readonly [T in NodeEvent['type']]?: LogLevel } = { 'dead-letter': 'warn', 'move-failed': 'warn', 'turn-failed': 'warn', checkpoint: 'debug' };

const applicationProtocol: Protocol = { definition: 'application', version: 1, messages: {} };

/** The rooms of a node, and what they tell each other. */
export class NodeInside implements ActorsHost, RoutesHost, MigrationHost {
  readonly id: NodeId;
  readonly directory: Directory;
  readonly routes: Routes;
  readonly actors: Actors;
  readonly recalls: Recalls;
  readonly application: NativeInstance;
  readonly listeners = new Set<(event: NodeEvent) => void>();
  readonly migrations: Migrations;
  private readonly keptLinks = new Set<KeptLink>();
  /** By peer: whether this node dialled the pipe of their link. */
  private readonly dialled = new Map<string, boolean>();
  private closed = false;

  constructor(readonly options: NodeOptions) {
    this.id = { name: options.name, boot: options.boot ?? hex(options.random.bytes(8)) };
    this.directory = new Directory(options.name, options.keepsNameOf);
    this.routes = new Routes(this);
    this.actors = new Actors(this, options);
    this.migrations = new Migrations(this);
    this.recalls = new Recalls(this);
    const cell = this.actors.createApplication(applicationProtocol, this.id.boot);
    this.application = new NativeInstance(options.name, undefined, cell.outlet, 'application');
    cell.run(this.application);
    this.migrations.load();
  }

  get name(): string {
    return this.id.name;
  }

  get clock() {
    return this.options.clock;
  }

  async move(address: string, options: MoveOptions): Promise<MoveReport> {
    if (this.recalls.isAway(address)) return this.recalls.recall(address, options);
    return this.migrations.move(await this.actors.running(address), options);
  }

  settled(address: string): Promise<void> {
    return this.migrations.rehoming.settled(address);
  }

  async reach(node: string, address: string | undefined): Promise<void> {
    if (address !== undefined) await this.options.reach?.to(node, address);
  }

  async stateOf(address: string): Promise<unknown> {
    const cell = await this.actors.running(address);
    cell.hold();
    try {
      await cell.idle();
      return decode((await captureOf(cell)).state, outgoingRefs);
    } finally {
      cell.release();
    }
  }

  async repoint(from: string, to: string, at?: Where & { readonly home?: string }): Promise<unknown> {
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
    if (at?.home !== undefined) this.directory.rehome(to, { home: at.home, term: 0 });
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
      // Who is shut out for its conduct, or went away, comes again and again.
      (error) => this.log(error.code === 'UNAVAILABLE' ? 'debug' : 'warn', 'link.refused', { code: error.code, reason: error.message }),
    );
  }

  keepLink(transport: Transport, address: string, signal?: AbortSignal): KeptLink {
    const { clock, random, logger } = this.options;
    const link = keepLink({ transport, address, id: this.id, clock, random, logger, attach: (pipe, peer, onDown) => this.attach(pipe, peer, onDown) }, signal);
    this.keptLinks.add(link);
    const close = () => {
      this.keptLinks.delete(link);
      link.close();
    };
    return { linked: link.linked, close };
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
    this.log(levels[type] ?? 'info', `node.${type}`, fields);
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
    this.routes.askHomes();
    this.recalls.linkLost(link, reason);
  }

  linkFailed(link: Link, error: GodwitError): void {
    this.log('error', 'link.failed', { peer: link.peer.node, code: error.code, reason: error.message });
  }

  control(link: Link, received: ControlMessage): void {
    hear(this, link, received);
  }

  bounced(channel: Channel, link: Link, answer: BounceAnswer): void {
    const { node, address } = answer;
    // Nobody forwards: what waits for that node goes there once it is linked, and asks the home again until then.
    if (node !== undefined && node !== this.name)
      this.reach(node, address).catch((thrown: unknown) => this.log('warn', 'link.not-reached', { peer: node, reason: GodwitError.from(thrown).message }));
    this.routes.bounced(channel, link, answer);
  }

  gap(cell: Cell, cursor: Cursor): void {
    const { lost } = cursor;
    cursor.lost = 0;
    this.emit({ type: 'gap', actor: cell.address, sender: cursor.from.$address, lost });
  }

  ownerOf(address: string): { readonly node: string; readonly epoch: number } | undefined {
    return this.migrations.ownerOf(address);
  }

  unsent(): void {
    this.routes.askHomes();
  }

  heardFrom(sender: string, peer: Peer, epoch: number): void {
    // An application is where its node is, and of an actor of this home the register says where it is.
    if (sender.includes('/') && this.directory.homeOf(sender) !== this.name) this.routes.relocate(sender, { node: peer.node, epoch });
  }

  answer(address: string): BounceAnswer {
    if (this.arriving(address)) return { coming: true };
    const answer = this.directory.answer(address);
    const dialled = answer.node === undefined ? undefined : this.dialledAt(answer.node);
    return dialled === undefined ? answer : { ...answer, address: dialled };
  }

  dialledAt(node: string): string | undefined {
    return this.options.reach?.addressOf(node);
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

  rehomed(address: string, handed: Handed): void {
    this.migrations.rehoming.learn(address, handed);
  }

  disclaimed(address: string, by: string): void {
    this.migrations.rehoming.disclaimed(address, by);
  }

  private attach(pipe: Pipe, peer: Peer, onDown?: () => void): void {
    if (this.closed) {
      pipe.close();
      return;
    }
    this.checkCrossing(peer, onDown !== undefined);
    this.routes.attach(pipe, peer);
    this.dialled.set(peer.node, onDown !== undefined);
    const dropped = pipe.onClose;
    pipe.onClose = (error) => {
      dropped(error);
      onDown?.();
    };
  }

  /**
   * Two nodes that dial each other at once keep one pipe, and the same one: that of the node whose name comes first.
   * @throws {GodwitError} UNAVAILABLE this is the other one
   */
  private checkCrossing(peer: Peer, dialledHere: boolean): void {
    const link = this.routes.links.get(peer.node);
    const crosses = link?.attached === true && link.peer.boot === peer.boot && this.dialled.get(peer.node) !== dialledHere;
    if (crosses && dialledHere !== this.name < peer.node)
      throw new GodwitError('UNAVAILABLE', `node ${peer.node} is linked already, by a pipe that ${dialledHere ? 'it' : this.name} dialled`);
  }

  // ── Actors ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  now(): number {
    return this.actors.now();
  }

  cell(address: string): Cell | undefined {
    return this.actors.get(address);
  }

  checkpointWhenDue(cell: Cell): void {
    this.migrations.checkpoints.whenDue(cell);
  }

  instanceLost(cell: Cell): void {
    this.migrations.instanceLost(cell);
  }

  spawned(address: string, again: () => void): boolean {
    return this.migrations.spawned(address, again);
  }

  ownedBy(address: string, node: string, epoch: number): void {
    this.routes.relocate(address, { node, epoch });
    this.routes.fence(address, epoch);
  }

  isProposed(cell: Cell): boolean {
    return this.migrations.isProposed(cell);
  }

  ended(cell: Cell): void {
    this.migrations.endedHere(cell);
  }

  createCell(address: string, protocol: Protocol): Cell {
    return this.actors.createCell(address, protocol);
  }

  enter(cell: Cell): void {
    this.migrations.entering(cell);
    this.actors.enter(cell);
  }

  leave(cell: Cell, to: NodeId, epoch: number): void {
    this.actors.leave(cell, to, epoch);
    this.migrations.checkpoints.left(cell);
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
    const ask = sender?.outlet.askFor(record.correlation);
    if (ask !== undefined) ask.to = to;
    sender?.outlet.repost(record, to);
  }
}

/** @throws {GodwitError} ABORTED its instance was lost while the running turns ended */
function captureOf(cell: Cell): InstanceCapture | Promise<InstanceCapture> {
  if (cell.instance === undefined) throw new GodwitError('ABORTED', `actor ${cell.address} lost its instance: try again`);
  return cell.instance.capture();
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
