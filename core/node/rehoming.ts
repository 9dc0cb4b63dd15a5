// Hands registers over: the home of an actor gives its register to another node, which is the home from then on (a device's actor under a
// shared name goes to the edge that keeps the name), and gets it back when its actor comes back.
//
//   home:  settled ─hand─▶ giving ─rehomed─▶ elsewhere          other: elsewhere ─rehome─▶ taking ─on disk─▶ home ─▶ rehomed
//             ▲              └─refused─┐                                                └─refused─▶ elsewhere
//             └──────── on disk ◀──────┘
//
// G1 There are never two homes: that the register goes is on the giver's disk before the other hears of it, and the giver decides nothing more.
// G2 Nor is there none for long: the giver tells the other at each new link, in each of its lives, until it is answered.
// G3 Each hand-over has a term, one higher than the one before: late words of earlier ones change nothing.
// G4 A refusal is of one attempt. The giver makes another only on a new link, and the other takes them one after the other: of what was
//    refused nothing is taken later, so the giver is the home again, at a term of its own.
// G5 Only the home hands over, and only to a node that keeps a shared name of the very actor, or that spawned it.
import { errorFromValue, GodwitError, valueFromError } from '../errors.js';
import { type MoveId, sameNode } from '../migration/index.js';
import type { Manifest } from '../ports/module-source.js';
import type { Cell } from './cell.js';
import type { Checkpoints } from './checkpoints.js';
import { originOf } from './directory.js';
import type { HomeMachine, Unfinished } from './homes.js';
import type { Link } from './link.js';
import { blobsOf } from './manifest.js';
import { at, type MigrationHost, sendControl } from './migration-host.js';
import {
  type IntakeContext,
  RegisterIntake,
  type RehomedMessage,
  type RehomeRefusedMessage,
  type RehomeWantedMessage,
  type RehomingMessage,
} from './register-intake.js';

/** What handing over needs beside its node. */
export interface RehomingContext extends IntakeContext {
  own(cell: Cell, move: MoveId, leaseUntilMs: number): void;
  readonly checkpoints: Checkpoints;
  /** True while an owner machine of this node answers for the actor. */
  owns(actor: string): boolean;
  /** Every machine of the actor learns its home. */
  rehomed(actor: string, home: string): void;
}

/** Until a register that was refused where its actor is goes there again, in milliseconds: some round trips. */
const returnAgainMs = 1000;

/** A register on its way: from `begun` on this node decides nothing about it. */
interface Giving {
  readonly to: string;
  begun: Unfinished | undefined;
  attempt: string;
}

interface Waiting {
  readonly actor: string;
  readonly to: string;
  /** Whose link it needs. */
  readonly peer: string;
  readonly resolve: () => void;
  readonly reject: (error: GodwitError) => void;
}

export class Rehoming {
  private readonly givings = new Map<string, Giving>();
  private readonly intake: RegisterIntake;
  private readonly waiting = new Set<Waiting>();
  /** Spawned here, and elsewhere under another home: how to spawn it after all. */
  private readonly attached = new Map<string, () => void>();
  private attempts = 0;

  constructor(
    private readonly host: MigrationHost,
    private readonly context: RehomingContext,
  ) {
    this.intake = new RegisterIntake(host, context, (actor, machine) => {
      this.attached.delete(actor);
      this.begin(actor, machine);
      this.returnIfDue(actor);
    });
  }

  /** G2: what a former life had begun. */
  load(unfinished: readonly Unfinished[]): void {
    for (const begun of unfinished) {
      const { actor, register, handed } = begun;
      this.host.ownedBy(actor, register.owner.name, register.epoch);
      this.begun(actor, { to: handed.home, begun, attempt: '' });
    }
  }

  /**
   * Hands the register of an actor of this home, or of one that was spawned here, to node `to`. Resolves when that is its home.
   * @throws {GodwitError} NOT_FOUND not one of these · UNAVAILABLE no link: if it drops meanwhile (details `{ undecided: true }`) the register goes
   * over the next one · FAILED_PRECONDITION the node refuses, or there is no register yet · ABORTED it is on its way elsewhere
   */
  async hand(actor: string, to: string): Promise<void> {
    const { directory, id } = this.host;
    const home = directory.homeOf(actor);
    const giving = this.givings.get(actor);
    if (giving !== undefined && giving.to !== to) throw new GodwitError('ABORTED', `the register of ${actor} is on its way to node ${giving.to}`);
    if (home === to && giving === undefined) return;
    if (home !== id.name && giving === undefined && originOf(actor) !== id.name)
      throw new GodwitError('NOT_FOUND', `node ${id.name} is not the home of ${actor}, and did not spawn it`);
    const isElsewhere = home !== id.name && giving === undefined;
    const peer = isElsewhere ? home : to;
    const origin = originOf(actor);
    if (to !== origin && this.context.homes.get(actor)?.state.register.owner.name === origin)
      throw new GodwitError('FAILED_PRECONDITION', `actor ${actor} is on ${origin}, which is then its home`);
    const link = this.linkTo(peer);
    if (link === undefined) throw new GodwitError('UNAVAILABLE', `no link to node ${peer}: the register of ${actor} stays on ${home}`);
    const done = new Promise<void>((resolve, reject) => this.waiting.add({ actor, to, peer, resolve, reject }));
    if (isElsewhere) link.control({ type: 'rehome-wanted', actor, to } as RehomingMessage);
    else if (giving === undefined) this.give(actor, to).catch((thrown: unknown) => this.settle(actor, GodwitError.from(thrown)));
    return done;
  }

  /** The application spawned an actor. @returns true if its register is on another node, where it is, or which knows where */
  spawned(actor: string, again: () => void): boolean {
    const { directory, id } = this.host;
    if (directory.homeOf(actor) === id.name) return false;
    this.attached.set(actor, again);
    if (!this.givings.has(actor)) this.context.ask(actor);
    return true;
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

  /** Somebody takes this node for the home. @returns false if it is, as far as this node knows, or the asking one is */
  answer(actor: string, link: Link): boolean {
    // G1: whoever asks now asks again.
    if (this.givings.has(actor)) return true;
    const { home, term } = this.host.directory.handed(actor);
    if (home === this.host.id.name || (home === link.peer.node && home === originOf(actor))) return false;
    if (term > 0) link.control({ type: 'rehomed', actor, home, term } as RehomingMessage);
    return true;
  }

  linkUp(link: Link): void {
    for (const giving of this.givings.values()) if (giving.to === link.peer.node && giving.begun !== undefined) this.tell(giving, giving.begun, link);
    for (const actor of this.context.homes.addresses()) this.returnIfDue(actor);
    // It may have been handed on, or forgotten, while nobody could tell.
    for (const actor of this.host.directory.handedTo(link.peer.node)) if (!this.givings.has(actor)) this.context.ask(actor);
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
    if (origin === this.host.id.name || owner !== origin || this.givings.has(actor) || this.linkTo(origin) === undefined) return;
    this.give(actor, origin).catch((thrown: unknown) => this.log('debug', 'home.not-returned', actor, GodwitError.from(thrown)));
  }

  /** The home of an actor that was spawned here has no register of it any more. */
  disowned(actor: string): void {
    const { directory, id } = this.host;
    const { term } = directory.handed(actor);
    if (this.givings.has(actor)) return;
    directory.rehome(actor, { home: id.name, term: term + 1 });
    this.context.homes.dropHanded(actor);
    this.context.rehomed(actor, id.name);
    const cell = this.host.cell(actor);
    if (cell !== undefined) {
      this.context.homes.renew(cell);
      this.context.own(cell, 'spawn' as MoveId, Number.POSITIVE_INFINITY);
      return;
    }
    this.free(actor);
  }

  close(): void {
    for (const { reject } of this.waiting) reject(new GodwitError('CANCELLED', `node ${this.host.id.name} closed`));
    this.waiting.clear();
    this.givings.clear();
  }

  // ── Giving ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async give(actor: string, to: string): Promise<void> {
    const giving: Giving = { to, begun: undefined, attempt: '' };
    this.begun(actor, giving);
    try {
      giving.begun = await this.context.homes.release(actor, to);
    } catch (thrown) {
      this.over(actor);
      throw thrown;
    }
    const { register } = giving.begun;
    const cell = this.host.cell(actor);
    // The last lease that this home gives is its own actor's.
    if (cell !== undefined && sameNode(register.owner, this.host.id) && this.context.owns(actor))
      this.context.own(cell, register.move, this.host.options.clock.now() + register.leaseMs);
    const link = this.linkTo(to);
    if (link !== undefined) this.tell(giving, giving.begun, link);
  }

  private begun(actor: string, giving: Giving): void {
    this.givings.set(actor, giving);
    this.host.directory.unsettled.add(actor);
  }

  private over(actor: string): void {
    this.givings.delete(actor);
    this.host.directory.unsettled.delete(actor);
  }

  private tell(giving: Giving, { actor, register, manifest, journal, handed: { term } }: Unfinished, link: Link): void {
    const attempt = `${this.host.id.boot}-${++this.attempts}`;
    giving.attempt = attempt;
    this.offerModule(giving.to, manifest).then(
      () => {
        if (giving.attempt !== attempt || this.givings.get(actor) !== giving) return;
        const rest = { ...(manifest === undefined ? {} : { manifest }), ...(journal === undefined ? {} : { journal }) };
        link.control({ type: 'rehome', actor, term, attempt, register, ...rest } as RehomingMessage);
      },
      () => undefined,
    );
  }

  /** The other needs it for a takeover; usually the actor runs there, and it has it. */
  private async offerModule(to: string, manifest: Manifest | undefined): Promise<void> {
    const { blobs, transfer } = this.host.options;
    for (const hash of blobsOf(manifest)) {
      try {
        if (await blobs.has(hash)) await transfer.offer(to, hash);
      } catch (thrown) {
        this.log('debug', 'home.module-not-offered', hash, GodwitError.from(thrown));
      }
    }
  }

  private heard({ actor, home, term }: RehomedMessage, link: Link): void {
    const { directory } = this.host;
    const { peer } = link;
    const giving = this.givings.get(actor);
    if (giving?.begun !== undefined) {
      if (peer.node !== giving.to || term < giving.begun.handed.term) return;
      this.over(actor);
      directory.rehome(actor, { home, term });
      this.context.homes.released(actor, { home, term });
      this.tellOthers(giving.begun, home, term);
    } else {
      // G3. That it is the home itself a node knows by its register.
      if (giving !== undefined || home === this.host.id.name || term <= directory.handed(actor).term) return;
      if (directory.homeOf(actor) !== peer.node) {
        link.refuse('authority', new GodwitError('PERMISSION_DENIED', `node ${peer.node} says who keeps the register of ${actor}, and does not itself`));
        return;
      }
      directory.rehome(actor, { home, term });
      // The one that said so may be gone when the next life asks.
      if (originOf(actor) === this.host.id.name) this.context.homes.released(actor, { home, term });
    }
    this.adopted(actor, home);
  }

  private refused({ actor, attempt, error, gone }: RehomeRefusedMessage, { peer }: Link): void {
    const giving = this.givings.get(actor);
    const reason = errorFromValue(error);
    if (giving === undefined) {
      if (attempt === '' && this.host.directory.homeOf(actor) === peer.node) this.settle(actor, reason);
      return;
    }
    const { begun } = giving;
    // G4
    if (begun === undefined || peer.node !== giving.to || giving.attempt !== attempt) return;
    giving.attempt = '';
    this.log('info', 'home.refused', actor, reason);
    this.takeBack(begun, gone === true).then(
      () => {
        this.settle(actor, reason);
        // A node that spawned it and was late has asked by then.
        this.host.options.clock.after(returnAgainMs, () => this.returnIfDue(actor));
      },
      (thrown: unknown) => this.log('error', 'home.not-taken-back', actor, GodwitError.from(thrown)),
    );
  }

  private async takeBack(begun: Unfinished, gone: boolean): Promise<void> {
    const { actor } = begun;
    const { directory, id } = this.host;
    const term = begun.handed.term + 1;
    if (gone) {
      this.over(actor);
      directory.rehome(actor, { home: id.name, term });
      this.context.homes.dropHanded(actor);
      this.free(actor);
      return;
    }
    const machine = await this.context.homes.take(actor, { ...begun, term }, undefined, []);
    this.over(actor);
    this.begin(actor, machine);
    // What the owner told this node meanwhile nobody has heard.
    this.tellOthers(begun, id.name, term);
  }

  /** Its owner, its standby and the node that spawned it, which may all be elsewhere. */
  private tellOthers({ actor, register }: Unfinished, home: string, term: number): void {
    for (const node of new Set([register.owner.name, register.standby?.name ?? home, originOf(actor)]))
      if (node !== home && node !== this.host.id.name) sendControl(this.host, node, { type: 'rehomed', actor, home, term } as RehomingMessage);
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

  /** This node is the home: what it owns it owns without end, to others it leases from now on. */
  private begin(actor: string, machine: HomeMachine): void {
    const { id } = this.host;
    this.adopted(actor, id.name);
    const { owner, epoch, move, standby } = machine.state.register;
    const cell = this.host.cell(actor);
    if (!sameNode(owner, id)) machine.feed(at(this.host, { type: 'restarted' } as const));
    else if (cell !== undefined && cell.status !== 'ended') {
      // A source that has proposed its move is heard when it asks again.
      if (this.context.owns(actor)) this.context.own(cell, move, Number.POSITIVE_INFINITY);
      // Another may be lost with what it keeps.
      if (standby === undefined || !sameNode(standby, id)) this.context.checkpoints.missing(cell);
    } else if (!this.context.isArriving(actor)) machine.feed(at(this.host, { type: 'ownerGone', node: id, epoch } as const));
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private adopted(actor: string, home: string): void {
    this.context.rehomed(actor, home);
    this.host.routes.reroute(actor);
    for (const waiting of this.waiting) {
      if (waiting.actor !== actor || waiting.to !== home) continue;
      this.waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** There is no such actor any more: if the application spawned it meanwhile it begins. */
  private free(actor: string): void {
    this.host.forget(actor);
    const again = this.attached.get(actor);
    this.attached.delete(actor);
    again?.();
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

  private log(level: 'debug' | 'info' | 'warn' | 'error', event: string, actor: string, error: GodwitError): void {
    this.host.options.logger.log(level, event, { node: this.host.id.name, actor, code: error.code, reason: error.message });
  }
}
