// A node: hosts actors, gives them ways to each other, and carries the migration protocol out over its ports. Device and edge nodes are
// two wirings of it. This is its outside; `node-inside.ts` has its rooms.
import { checkName, type Definition, type Handlers } from '../actors/definition.js';
import { createRef, type Ref, type Where } from '../actors/ref.js';
import type { Cancel } from '../ports/clock.js';
import type { Pipe, Transport } from '../ports/transport.js';
import { type ActorDetails, detailsOf } from './actor-details.js';
import { NodeInside } from './node-inside.js';
import { statisticsOf } from './observed.js';
import type { ActorInfo, KeptLink, MoveOptions, MoveReport, NodeEvent, NodeOptions, NodeStatistics } from './types.js';

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

  /**
   * Stops an actor that is here, and its children; whoever waits for it gets NOT_FOUND. Idempotent. One that is just being handed to another node
   * ends where it goes on, after what waits for it already.
   */
  stop(address: string): void {
    this.inside.actors.stop(address);
  }

  /** The actors that are here. */
  actors(): ActorInfo[] {
    return this.inside.actors.infos();
  }

  /** An actor that is here, looked into; undefined if it is not. */
  inspect(address: string): ActorDetails | undefined {
    const info = this.actors().find((actor) => actor.address === address);
    const cell = this.inside.cell(address);
    return info === undefined || cell === undefined ? undefined : detailsOf(cell, info);
  }

  /** Where an actor is, as far as this node knows. */
  where(address: string): Where | undefined {
    return this.inside.actors.where(address);
  }

  /** The state of an actor that is here, decoded, as it is between two turns. @throws {GodwitError} NOT_FOUND */
  stateOf(address: string): Promise<unknown> {
    return this.inside.stateOf(address);
  }

  /**
   * Moves an actor to another node; resolves when it runs there. Code that talks to it does not notice. It is here, or was spawned here and is
   * away: then its owner moves it, straight from there.
   * @throws {GodwitError} NOT_FOUND it is neither · UNAVAILABLE no link · whatever made the move fail; the actor then runs on where it was, unless
   * the link to its owner dropped meanwhile (UNAVAILABLE, details `{ undecided: true }`): then {@link where} tells, once there is a link again
   */
  move(address: string, options: MoveOptions): Promise<MoveReport> {
    return this.inside.move(address, options);
  }

  /** The node that keeps an actor's register, as far as this one knows: where it was spawned, or where its register was handed. */
  homeOf(address: string): string {
    return this.inside.directory.told(address).home;
  }

  /**
   * Hands the register of an actor that was spawned here, or whose home this is, to another node, which is its home from then on: it must keep a
   * shared name of the actor, and a store. When the actor comes back to where it was spawned, so does its register. Resolves when it is there.
   * @throws {GodwitError} NOT_FOUND neither · UNAVAILABLE no link; if it drops meanwhile (details `{ undecided: true }`) the register goes over the
   * next one · FAILED_PRECONDITION that node refuses, or the actor never left · ABORTED its register is on its way elsewhere
   */
  rehome(address: string, to: string): Promise<void> {
    return this.inside.migrations.rehoming.hand(address, to);
  }

  /** Gets an actor that was spawned here back, from wherever it is. @throws {GodwitError} FAILED_PRECONDITION it is not away, else as {@link move}; it then runs on there */
  recall(address: string, options: { readonly trigger?: string } = {}): Promise<MoveReport> {
    return this.inside.recalls.recall(address, { to: this.name, trigger: options.trigger ?? 'recall' });
  }

  /**
   * Ends the local actor `from`; what is sent to it from this node, and what waits for it, goes to the actor `to` from now on.
   * @param at where `to` is, and who keeps its register, if its home need not be asked @returns the last state of `from`: no turn falls between it and the end
   */
  repoint(from: string, to: string, at?: Where & { readonly home?: string }): Promise<unknown> {
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

  /** The node in numbers. */
  statistics(): NodeStatistics {
    return statisticsOf(this.inside.actors, this.inside.routes);
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
