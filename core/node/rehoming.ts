// Hands registers over: the home of an actor gives its register to another node, which is the home from then on (a device's actor under a
// shared name goes to the edge that keeps the name), and gets it back when its actor comes back.
//
//   home:  settled ─hand─▶ giving ─rehomed─▶ elsewhere          other: elsewhere ─rehome─▶ taking ─on disk─▶ home ─▶ rehomed
//             ▲              └─refused─┐                                                └─refused─▶ elsewhere
//             └──────── on disk ◀──────┘
//
// The way out is `register-giving.ts`, the way in `register-intake.ts`; here is who asks for it, who waits, and who learns where the home is.
//
// G1 There are never two homes: that the register goes is on the giver's disk before the other hears of it, and the giver decides nothing more.
// G2 Nor is there none for long: the giver tells the other at each new link, in each of its lives, until it is answered.
// G3 Each hand-over has a term, higher than the one before: late words of earlier ones change nothing. The node that spawned an actor counts on
//    when its name is free again; one that has lost count is told by the receiver.
// G4 A refusal is of one attempt. The giver makes another only on a new link, and the other takes them one after the other: of what was
//    refused nothing is taken later, so the giver is the home again, at a term of its own.
// G5 Only the home hands over, and only to a node that keeps a shared name of the very actor, or that spawned it.
// G6 Who takes a register in has heard of every earlier hand-over of it: a giving of its own that is still open is over before it is the home.
// G7 That an actor has ended is remembered until its home has heard (`endings.ts`): no register on its way brings it back. That a node has no cell
//    of an actor proves nothing.
import { errorFromValue, GodwitError, valueFromError } from '../errors.js';
import { type MoveId, sameNode } from '../migration/index.js';
import type { Checkpoints } from './checkpoints.js';
import { type Handed, originOf } from './directory.js';
import type { HomeMachine, Unfinished } from './homes.js';
import type { Link } from './link.js';
import { at, type EndedHeardMessage, type MigrationHost, sendControl } from './migration-host.js';
import { type GivingContext, type GivingEnd, RegisterGiving } from './register-giving.js';
import {
  type IntakeContext,
  RegisterIntake,
  type RehomedMessage,
  type RehomeRefusedMessage,
  type RehomeWantedMessage,
  type RehomingMessage,
} from './register-intake.js';

/** What handing over needs beside its node. */
export interface RehomingContext extends IntakeContext, GivingContext {
  readonly checkpoints: Checkpoints;
  /** Every machine of the actor learns its home. */
  rehomed(actor: string, home: string): void;
  /** An actor of this home has ended, at this epoch: whoever spawned it is told. */
  endedAt(actor: string, epoch: number): void;
}

/** Until a register that could not go where its actor is goes there again, in milliseconds: some round trips. */
const returnAgainMs = 1000;

interface Waiting {
  readonly actor: string;
  readonly to: string;
  /** Whose link it needs. */
  readonly peer: string;
  readonly resolve: () => void;
  readonly reject: (error: GodwitError) => void;
}

export class Rehoming implements GivingEnd {
  private readonly giving: RegisterGiving;
  private readonly intake: RegisterIntake;
  private readonly waiting = new Set<Waiting>();
  /** Spawned here, and elsewhere under another home: how to spawn it after all. */
  private readonly attached = new Map<string, () => void>();
  /** Actors whose registers are to return, and could not. */
  private readonly returning = new Set<string>();

  constructor(
    private readonly host: MigrationHost,
    private readonly context: RehomingContext,
  ) {
    this.giving = new RegisterGiving(host, context, this);
    this.intake = new RegisterIntake(
      host,
      context,
      (actor) => this.taking(actor),
      (actor, machine) => {
        this.begin(actor, machine);
        this.attached.delete(actor);
        this.returnIfDue(actor);
      },
    );
  }

  /** G2: what a former life had begun. */
  load(unfinished: readonly Unfinished[]): void {
    for (const { actor, register } of unfinished) this.host.ownedBy(actor, register.owner.name, register.epoch);
    this.giving.load(unfinished);
  }

  /**
   * Hands the register of an actor of this home, or of one that was spawned here, to node `to`. Resolves when that is its home.
   * @throws {GodwitError} NOT_FOUND not one of these · UNAVAILABLE no link: if it drops meanwhile (details `{ undecided: true }`) the register goes
   * over the next one · FAILED_PRECONDITION the node refuses, or there is no register yet · ABORTED it is on its way elsewhere
   */
  async hand(actor: string, to: string): Promise<void> {
    const { directory, id } = this.host;
    const home = directory.homeOf(actor);
    const given = this.giving.to(actor);
    if (given !== undefined && given !== to) throw new GodwitError('ABORTED', `the register of ${actor} is on its way to node ${given}`);
    if (home === to && given === undefined) return;
    const isElsewhere = home !== id.name && given === undefined;
    if (isElsewhere && originOf(actor) !== id.name) throw new GodwitError('NOT_FOUND', `node ${id.name} is not the home of ${actor}, and did not spawn it`);
    const peer = isElsewhere ? home : to;
    const link = this.linkTo(peer);
    if (link === undefined) throw new GodwitError('UNAVAILABLE', `no link to node ${peer}: the register of ${actor} stays on ${home}`);
    const done = new Promise<void>((resolve, reject) => this.waiting.add({ actor, to, peer, resolve, reject }));
    if (isElsewhere) {
      // Who has never heard of that home would not take a register from it.
      sendControl(this.host, to, { type: 'rehomed', actor, ...directory.handed(actor) } as RehomingMessage);
      link.control({ type: 'rehome-wanted', actor, to } as RehomingMessage);
    } else if (given === undefined) this.give(actor, to);
    return done;
  }

  /** Resolves when the register of the actor is not on its way from here, wherever it is then, or when no link takes it further. */
  async settled(actor: string): Promise<void> {
    const to = this.giving.to(actor);
    if (to !== undefined) await this.hand(actor, to).catch(() => undefined);
  }

  /** The application spawned an actor. @returns true if its register is on another node, where it is, or which knows where */
  spawned(actor: string, again: () => void): boolean {
    const { directory, id } = this.host;
    if (directory.homeOf(actor) === id.name) return false;
    this.attached.set(actor, again);
    if (this.giving.to(actor) === undefined) this.context.ask(actor);
    return true;
  }

  /** Its home knows an actor that was spawned here: it need not be spawned again. */
  found(actor: string): void {
    this.attached.delete(actor);
  }

  receive(message: RehomingMessage, link: Link): void {
    switch (message.type) {
      case 'rehome':
        this.intake.offered(message, link);
        return;
      case 'rehomed':
        this.heard(message, link);
        return;
      case 'rehome-refused':
        this.refused(message, link);
        return;
      case 'rehome-wanted':
        this.wanted(message, link);
    }
  }

  /** True while a register is about to come here. */
  isTaking(actor: string): boolean {
    return this.intake.isTaking(actor);
  }

  /** Somebody takes this node for the home. @returns false if nobody else is, as far as this node knows, or the asking one spawned it and is */
  answer(actor: string, link: Link): boolean {
    // G1: whoever asks now asks again.
    if (this.giving.to(actor) !== undefined) return true;
    const { home, term } = this.host.directory.handed(actor);
    if (term === 0 || home === this.host.id.name || (home === link.peer.node && home === originOf(actor))) return false;
    link.control({ type: 'rehomed', actor, home, term } as RehomingMessage);
    return true;
  }

  linkUp(link: Link): void {
    this.giving.linkUp(link);
    for (const actor of this.context.homes.addresses()) this.returnIfDue(actor);
    // It may have been handed on, or forgotten, while nobody could tell.
    for (const actor of this.host.directory.handedTo(link.peer.node)) if (this.giving.to(actor) === undefined) this.context.ask(actor);
  }

  linkLost(link: Link): void {
    for (const waiting of this.waiting) {
      if (waiting.peer !== link.peer.node) continue;
      this.waiting.delete(waiting);
      const message = `the link to ${link.peer.node} dropped while the register of ${waiting.actor} was handed over`;
      waiting.reject(new GodwitError('UNAVAILABLE', message, { details: { undecided: true } }));
    }
  }

  /** The register of an actor goes where the actor was spawned as soon as it is owned there, so that nobody but its device is needed for it. */
  returnIfDue(actor: string): void {
    const origin = originOf(actor);
    const owner = this.context.homes.get(actor)?.state.register.owner.name;
    if (origin === this.host.id.name || owner !== origin || this.giving.to(actor) !== undefined || this.linkTo(origin) === undefined) return;
    this.give(actor, origin);
  }

  /** Somebody who is, or was, its home says who keeps an actor's register now. */
  learn(actor: string, handed: Handed): void {
    const { directory, id } = this.host;
    // That it is the home itself a node knows by its register, and who has one on its way is told by whom it goes to.
    if (handed.home === id.name || this.giving.to(actor) !== undefined || !directory.rehome(actor, handed)) return;
    // The one that said so may be gone when the next life asks.
    if (originOf(actor) === id.name) this.context.homes.released(actor, handed);
    this.adopted(actor, handed.home);
  }

  /** A node that was taken for the home of an actor keeps nothing of it: who spawned it knows more. */
  disclaimed(actor: string, by: string): void {
    const origin = originOf(actor);
    // Asked by who spawned it, it says so for good.
    if (origin === this.host.id.name) this.context.ask(actor);
    else if (this.host.directory.disclaimed(actor, by)) this.adopted(actor, origin);
  }

  /** The home of an actor that was spawned here has no register of it any more. */
  disowned(actor: string): void {
    const { directory, id } = this.host;
    if (this.giving.to(actor) !== undefined) return;
    directory.rehome(actor, { home: id.name, term: directory.handed(actor).term + 1 });
    this.context.homes.dropHanded(actor);
    this.context.rehomed(actor, id.name);
    const cell = this.host.cell(actor);
    if (cell === undefined) {
      this.free(actor);
      return;
    }
    this.context.homes.renew(cell);
    this.context.own(cell, 'spawn' as MoveId, Number.POSITIVE_INFINITY);
  }

  close(): void {
    for (const { reject } of this.waiting) reject(new GodwitError('CANCELLED', `node ${this.host.id.name} closed`));
    this.waiting.clear();
    this.giving.close();
  }

  // ── Giving ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private give(actor: string, to: string): void {
    this.giving.give(actor, to).catch((thrown: unknown) => {
      const error = GodwitError.from(thrown);
      this.host.options.logger.log('debug', 'home.not-given', { node: this.host.id.name, actor, code: error.code, reason: error.message });
      this.settle(actor, error);
      this.returnLater(actor);
      // It has ended meanwhile.
      const home = this.host.directory.homeOf(actor);
      if (home !== this.host.id.name) this.context.rehomed(actor, home);
    });
  }

  arrived(begun: Unfinished, handed: Handed): void {
    const { actor } = begun;
    const origin = originOf(actor);
    this.host.directory.rehome(actor, handed);
    // G6: it came from where it was spawned and is there again, and nobody else gave it to this node.
    const isForgotten = handed.home === begun.handed.home && handed.home === origin && begun.from === origin;
    this.context.homes.released(actor, handed, isForgotten);
    this.tellOthers(begun, handed);
    this.adopted(actor, handed.home);
    if (!isForgotten) return;
    this.host.directory.forgetHome(actor);
    this.host.directory.forget(actor);
  }

  returned(begun: Unfinished, machine: HomeMachine, reason: GodwitError): void {
    const { actor } = begun;
    this.begin(actor, machine);
    // What the owner told this node meanwhile nobody has heard.
    this.tellOthers(begun, this.host.directory.handed(actor));
    this.settle(actor, reason);
    // A node that spawned it and was late has asked by then.
    this.returnLater(actor);
  }

  ended({ actor, register: { epoch }, handed }: Unfinished, reason: GodwitError): void {
    sendControl(this.host, handed.home, { type: 'ended-heard', actor, epoch } as EndedHeardMessage);
    this.context.endedAt(actor, epoch);
    this.free(actor);
    this.settle(actor, reason);
  }

  /** Its owner, its standby and the node that spawned it, which may all be elsewhere. */
  private tellOthers({ actor, register }: Unfinished, { home, term }: Handed): void {
    for (const node of new Set([register.owner.name, register.standby?.name ?? home, originOf(actor)]))
      if (node !== home && node !== this.host.id.name) sendControl(this.host, node, { type: 'rehomed', actor, home, term } as RehomingMessage);
  }

  private returnLater(actor: string): void {
    if (this.returning.has(actor)) return;
    this.returning.add(actor);
    this.host.options.clock.after(returnAgainMs, () => {
      this.returning.delete(actor);
      this.returnIfDue(actor);
    });
  }

  // ── What others say ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  private heard(message: RehomedMessage, link: Link): void {
    const { actor, home, term } = message;
    const { directory, id } = this.host;
    if (this.giving.to(actor) !== undefined) {
      this.giving.answered(message, link);
      return;
    }
    // G3
    if (home === id.name || term <= directory.handed(actor).term) return;
    if (directory.homeOf(actor) === link.peer.node) this.learn(actor, { home, term });
    else link.refuse('authority', new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} says who keeps the register of ${actor}, and does not itself`));
  }

  private refused(message: RehomeRefusedMessage, link: Link): void {
    const { actor, attempt, error } = message;
    if (attempt !== '') {
      this.giving.refused(message, link);
      return;
    }
    const isHome = this.giving.to(actor) === undefined && this.host.directory.homeOf(actor) === link.peer.node;
    for (const waiting of [...this.waiting]) {
      if (waiting.actor !== actor || waiting.peer !== link.peer.node) continue;
      this.waiting.delete(waiting);
      if (isHome) waiting.reject(errorFromValue(error));
      // The register has left there meanwhile: who has it now is asked.
      else this.hand(actor, waiting.to).then(waiting.resolve, waiting.reject);
    }
  }

  private wanted({ actor, to }: RehomeWantedMessage, link: Link): void {
    if (originOf(actor) !== link.peer.node) {
      link.refuse('authority', new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} hands the register of ${actor} on, which it did not spawn`));
      return;
    }
    this.hand(actor, to).then(
      () => undefined,
      (thrown: unknown) => {
        const error = valueFromError(GodwitError.from(thrown), this.host.id.name);
        link.control({ type: 'rehome-refused', actor, attempt: '', error } as RehomingMessage);
      },
    );
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** G6: its register comes here. What this node gave away before has arrived, and went on. */
  private taking(actor: string): void {
    const to = this.giving.to(actor);
    if (to === undefined) return;
    this.giving.over(actor);
    this.resolve(actor, to);
  }

  /** This node is the home: what it owns it owns without end, to others it leases from now on. */
  private begin(actor: string, machine: HomeMachine): void {
    const { id } = this.host;
    this.adopted(actor, id.name);
    const { owner, epoch, move, standby } = machine.state.register;
    const cell = this.host.cell(actor);
    if (cell === undefined && this.context.hasEnded(actor, epoch)) {
      this.context.homes.forget(actor);
      this.context.endedAt(actor, epoch);
      this.free(actor);
    } else if (!sameNode(owner, id)) machine.feed(at(this.host, { type: 'restarted' } as const));
    else if (cell !== undefined && cell.status !== 'ended') {
      // A source that has proposed its move is heard when it asks again.
      if (this.context.owns(actor)) this.context.own(cell, move, Number.POSITIVE_INFINITY);
      // Another may be lost with what it keeps.
      if (standby === undefined || !sameNode(standby, id)) this.context.checkpoints.missing(cell);
    } else if (!this.context.isArriving(actor)) machine.feed(at(this.host, { type: 'ownerGone', node: id, epoch } as const));
  }

  private adopted(actor: string, home: string): void {
    this.context.rehomed(actor, home);
    this.host.routes.reroute(actor);
    // Whoever is the home now knows whether it exists.
    if (originOf(actor) === this.host.id.name && home !== this.host.id.name) this.context.ask(actor);
    this.resolve(actor, home);
  }

  /** There is no such actor any more: if the application spawned it meanwhile it begins. */
  private free(actor: string): void {
    this.host.forget(actor);
    const again = this.attached.get(actor);
    this.attached.delete(actor);
    again?.();
  }

  private resolve(actor: string, home: string): void {
    for (const waiting of this.waiting) {
      if (waiting.actor !== actor || waiting.to !== home) continue;
      this.waiting.delete(waiting);
      waiting.resolve();
    }
  }

  private settle(actor: string, error: GodwitError): void {
    for (const waiting of this.waiting) {
      if (waiting.actor !== actor) continue;
      this.waiting.delete(waiting);
      waiting.reject(error);
    }
  }

  private linkTo(node: string): Link | undefined {
    const link = this.host.routes.links.get(node);
    return link?.attached === true ? link : undefined;
  }
}
