// One half of `rehoming.ts`: gives registers to their next homes, and makes of each answer what it means. `register-intake.ts` is the other half.
//
//   releasing ─on disk─▶ offered ─rehomed─▶ arrived                 offered ─(takes this node for the home, of a later term)─▶ raising ─on disk─▶ offered
//                           └─refused─▶ taking back ─on disk─▶ returned
import { errorFromValue, GodwitError } from '../errors.js';
import { type MoveId, sameNode } from '../migration/index.js';
import type { Manifest } from '../ports/module-source.js';
import type { Cell } from './cell.js';
import type { Handed } from './directory.js';
import type { HomeMachine, Homes, Unfinished } from './homes.js';
import type { Link } from './link.js';
import { blobsOf } from './manifest.js';
import type { MigrationHost } from './migration-host.js';
import type { RehomedMessage, RehomeRefusedMessage, RehomingMessage } from './register-intake.js';

/** What giving needs beside its node. */
export interface GivingContext {
  readonly homes: Homes;
  own(cell: Cell, move: MoveId, leaseUntilMs: number): void;
  /** True while an owner machine of this node answers for the actor. */
  owns(actor: string): boolean;
}

/** How giving ends. */
export interface GivingEnd {
  /** The register is at another home, which the receiver of the giving says by itself. */
  arrived(begun: Unfinished, handed: Handed): void;
  /** It was refused, and this node is the home again. */
  returned(begun: Unfinished, machine: HomeMachine, reason: GodwitError): void;
  /** It was refused, because the actor has ended. This node is its home again, and keeps nothing of it. */
  ended(begun: Unfinished, reason: GodwitError): void;
}

/** A register on its way: this node decides nothing about it. */
interface Giving {
  readonly to: string;
  /** What is offered; undefined while something is being written: then no answer counts, and nothing is told. */
  offered: Unfinished | undefined;
  attempt: string;
  /** No honest receiver names a later term twice. */
  raised: boolean;
}

/** Registers on their way from this node. */
export class RegisterGiving {
  private readonly givings = new Map<string, Giving>();
  private attempts = 0;

  constructor(
    private readonly host: MigrationHost,
    private readonly context: GivingContext,
    private readonly end: GivingEnd,
  ) {}

  /** Where the actor's register is on its way to. */
  to(actor: string): string | undefined {
    return this.givings.get(actor)?.to;
  }

  /** G2: what a former life had begun. */
  load(unfinished: readonly Unfinished[]): void {
    for (const offered of unfinished) this.begin(offered.actor, { to: offered.handed.home, offered, attempt: '', raised: false });
  }

  /** Begins to hand the register of an actor of this home over. @throws {GodwitError} as {@link Homes.release}: this node is the home still */
  async give(actor: string, to: string): Promise<void> {
    const giving: Giving = { to, offered: undefined, attempt: '', raised: false };
    this.begin(actor, giving);
    let offered: Unfinished;
    try {
      offered = await this.context.homes.release(actor, to);
    } catch (thrown) {
      this.over(actor);
      throw thrown;
    }
    const { register } = offered;
    const cell = this.host.cell(actor);
    // The last lease that this home gives is its own actor's.
    if (cell !== undefined && sameNode(register.owner, this.host.id) && this.context.owns(actor))
      this.context.own(cell, register.move, this.host.options.clock.now() + register.leaseMs);
    this.offer(giving, offered);
  }

  linkUp({ peer }: Link): void {
    for (const giving of this.givings.values()) if (giving.to === peer.node && giving.offered !== undefined) this.offer(giving, giving.offered);
  }

  /** Somebody says who keeps the register: the one it is given to has a say. */
  answered({ actor, home, term }: RehomedMessage, { peer }: Link): void {
    const giving = this.givings.get(actor);
    const offered = giving?.offered;
    if (giving === undefined || offered === undefined || peer.node !== giving.to || term < offered.handed.term) return;
    if (home !== this.host.id.name) {
      this.over(actor);
      this.end.arrived(offered, { home, term });
    } else if (!giving.raised) {
      this.raise(giving, offered, term).catch((thrown: unknown) => this.log('error', 'home.not-raised', actor, GodwitError.from(thrown)));
    }
  }

  refused({ actor, attempt, error, gone }: RehomeRefusedMessage, { peer }: Link): void {
    const giving = this.givings.get(actor);
    const offered = giving?.offered;
    // G4
    if (giving === undefined || offered === undefined || peer.node !== giving.to || giving.attempt !== attempt) return;
    const reason = errorFromValue(error);
    this.log('info', 'home.refused', actor, reason);
    const term = offered.handed.term + 1;
    if (gone === true) {
      this.over(actor);
      this.host.directory.rehome(actor, { home: this.host.id.name, term });
      this.context.homes.dropHanded(actor);
      this.end.ended(offered, reason);
      return;
    }
    giving.offered = undefined;
    this.context.homes.take(actor, { ...offered, term }, undefined, offered.blobs).then(
      (machine) => {
        this.over(actor);
        this.end.returned(offered, machine, reason);
      },
      (thrown: unknown) => this.log('error', 'home.not-taken-back', actor, GodwitError.from(thrown)),
    );
  }

  /** The receiver hands a register over itself, and so had this one: its answer is not waited for, and changes nothing any more. */
  over(actor: string): void {
    this.givings.delete(actor);
    this.host.directory.unsettled.delete(actor);
  }

  close(): void {
    this.givings.clear();
  }

  private begin(actor: string, giving: Giving): void {
    this.givings.set(actor, giving);
    this.host.directory.unsettled.add(actor);
  }

  /** G3: a former life of this node counted further than this one remembers, and of that the receiver has taken nothing. */
  private async raise(giving: Giving, { actor, ...rest }: Unfinished, term: number): Promise<void> {
    const handed = { home: giving.to, term: term + 1 };
    giving.offered = undefined;
    giving.raised = true;
    await this.context.homes.handAgain(actor, handed);
    if (this.givings.get(actor) === giving) this.offer(giving, { ...rest, actor, handed });
  }

  private offer(giving: Giving, offered: Unfinished): void {
    giving.offered = offered;
    const link = this.host.routes.links.get(giving.to);
    if (link?.attached !== true) return;
    const { actor, register, manifest, journal, handed } = offered;
    const attempt = `${this.host.id.boot}-${++this.attempts}`;
    giving.attempt = attempt;
    this.offerModule(giving.to, manifest).then(
      () => {
        if (giving.attempt !== attempt || giving.offered !== offered || this.givings.get(actor) !== giving) return;
        const rest = { ...(manifest === undefined ? {} : { manifest }), ...(journal === undefined ? {} : { journal }) };
        link.control({ type: 'rehome', actor, term: handed.term, attempt, register, ...rest } as RehomingMessage);
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

  private log(level: 'debug' | 'info' | 'error', event: string, actor: string, error: GodwitError): void {
    this.host.options.logger.log(level, event, { node: this.host.id.name, actor, code: error.code, reason: error.message });
  }
}
