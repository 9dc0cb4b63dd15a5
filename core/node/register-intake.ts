// The other half of `rehoming.ts`: takes registers in that their homes hand to this node, or refuses them.
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import { type MigrationMessage, type Register, sameNode } from '../migration/index.js';
import type { Manifest } from '../ports/module-source.js';
import type { BaseExchange } from './base-exchange.js';
import type { Bases } from './bases.js';
import { originOf } from './directory.js';
import type { HomeMachine, Homes } from './homes.js';
import type { Link } from './link.js';
import { blobsOf, parseManifest } from './manifest.js';
import type { MigrationHost } from './migration-host.js';
import type { Journal } from './replay.js';
import { checkModule } from './signed-manifest.js';

/** home → next home: the register is yours. */
export interface RehomeMessage {
  readonly type: 'rehome';
  readonly actor: string;
  readonly term: number;
  readonly attempt: string;
  readonly register: Register;
  readonly manifest?: Manifest;
  readonly journal?: Journal;
}

/** Who was the home, or has become it → who may not know: `home` keeps the register. */
export interface RehomedMessage {
  readonly type: 'rehomed';
  readonly actor: string;
  readonly home: string;
  readonly term: number;
}

/** next home → home: not mine, or, with an empty attempt, home → origin: not handed over. `gone` if the actor has ended there. */
export interface RehomeRefusedMessage {
  readonly type: 'rehome-refused';
  readonly actor: string;
  readonly attempt: string;
  readonly error: ErrorValue;
  readonly gone?: boolean;
}

/** origin → home: hand the register to that node. */
export interface RehomeWantedMessage {
  readonly type: 'rehome-wanted';
  readonly actor: string;
  readonly to: string;
}

/** What nodes say to each other about who keeps a register. */
export type RehomingMessage = RehomeMessage | RehomedMessage | RehomeRefusedMessage | RehomeWantedMessage;

/** What taking a register in needs beside its node. */
export interface IntakeContext {
  readonly homes: Homes;
  readonly bases: Bases;
  readonly exchange: BaseExchange;
  send(to: string, message: MigrationMessage): void;
  isArriving(actor: string): boolean;
  /** True if the actor ended at this epoch, on this node or under its home, and whom it concerns may not have heard. */
  hasEnded(actor: string, epoch: number): boolean;
  /** Asks the home where the actor is; who is none any more says who is. */
  ask(actor: string): void;
}

/** Registers on their way to this node. */
export class RegisterIntake {
  private readonly underWay = new Map<string, Promise<void>>();

  /** @param taking nothing speaks against it any more @param taken this node is the home now */
  constructor(
    private readonly host: MigrationHost,
    private readonly context: IntakeContext,
    private readonly taking: (actor: string) => void,
    private readonly taken: (actor: string, machine: HomeMachine) => void,
  ) {}

  isTaking(actor: string): boolean {
    return this.underWay.has(actor);
  }

  /** G4: one attempt after the other. Answers each. */
  offered(message: RehomeMessage, link: Link): void {
    const { actor, attempt } = message;
    const { boot } = link.peer;
    const done = (this.underWay.get(actor) ?? Promise.resolve())
      .then(() => this.take(message, link, boot))
      .catch((thrown: unknown) => {
        const error = GodwitError.from(thrown);
        if (error.code === 'PERMISSION_DENIED') link.refuse('authority', error);
        else this.log('home.not-taken', actor, error);
        link.control({
          type: 'rehome-refused',
          actor,
          attempt,
          error: valueFromError(error, this.host.id.name),
          ...(this.isGone(message.register, actor) ? { gone: true } : {}),
        } as RehomingMessage);
      });
    this.underWay.set(actor, done);
    done.then(() => this.underWay.get(actor) === done && this.underWay.delete(actor)).catch(() => undefined);
  }

  /** @throws {GodwitError} why this node will not be the home */
  private async take(message: RehomeMessage, link: Link, boot: string): Promise<void> {
    const { actor, term, register, journal } = message;
    const { directory, id } = this.host;
    const isKnown = () => directory.handed(actor).term >= term && (directory.homeOf(actor) !== id.name || this.context.homes.get(actor) !== undefined);
    if (!isKnown()) {
      this.check(message, link.peer.node);
      const manifest = await this.manifestOf(message);
      const bytes = await this.baseOf(actor, register, link);
      const blobs = await this.modulesOf(manifest, link.peer.node);
      // Time has passed, and another life of the giver may have another register.
      if (link.peer.boot !== boot) throw new GodwitError('ABORTED', `node ${link.peer.node} has begun another life`);
      this.check(message, link.peer.node);
      this.taking(actor);
      const machine = await this.context.homes.take(actor, { register, manifest, term, journal }, bytes, blobs, link.peer.node);
      link.control({ type: 'rehomed', actor, home: id.name, term } as RehomingMessage);
      if (bytes !== undefined) this.tellStandby(actor, register, machine);
      this.taken(actor, machine);
      return;
    }
    const { home, term: later } = directory.told(actor);
    link.control({ type: 'rehomed', actor, home, term: later } as RehomingMessage);
  }

  /** G5 @throws {GodwitError} PERMISSION_DENIED · ABORTED · FAILED_PRECONDITION */
  private check({ actor, term }: RehomeMessage, giver: string): void {
    const { directory, id, options } = this.host;
    const known = directory.handed(actor);
    if (known.home !== giver) {
      // This node may be late itself: it asks who it takes for the home.
      const isExplained = known.term > 0 || term > known.term + 1;
      if (isExplained && known.home !== id.name) this.context.ask(actor);
      const code = isExplained ? 'ABORTED' : 'PERMISSION_DENIED';
      throw new GodwitError(code, `node ${giver} hands the register of ${actor} over, which ${known.home} keeps as far as ${id.name} knows`);
    }
    if (originOf(actor) === id.name) return;
    if (options.keepsNameOf?.(actor) !== true)
      throw new GodwitError('FAILED_PRECONDITION', `node ${id.name} keeps no shared name of ${actor}, so it will not be its home`);
    if (options.store === undefined)
      throw new GodwitError(
        'FAILED_PRECONDITION',
        `node ${id.name} keeps nothing beyond a crash, so it will not be the home of ${actor}: start it with a data directory`,
      );
  }

  /** @returns undefined if another node keeps it, and goes on keeping it */
  private async baseOf(actor: string, { base }: Register, link: Link): Promise<Uint8Array | undefined> {
    if (base === undefined) return undefined;
    try {
      return this.context.bases.get(base.hash) ?? (await this.context.exchange.obtain(link.peer.node, actor, base.hash));
    } catch (thrown) {
      if (GodwitError.from(thrown).code === 'NOT_FOUND') return undefined;
      throw thrown;
    }
  }

  /** A takeover here would run it. */
  private async manifestOf({ actor, manifest: received }: RehomeMessage): Promise<Manifest | undefined> {
    if (received === undefined) return undefined;
    const manifest = parseManifest(received);
    await checkModule(this.host, actor, manifest, this.host.knowsNatively(manifest.definition) ? 'native' : manifest.tier);
    return manifest;
  }

  /** What a takeover here needs, and a restart of this node would lose. */
  private async modulesOf(manifest: Manifest | undefined, giver: string): Promise<Uint8Array[]> {
    const { blobs, transfer, store } = this.host.options;
    if (manifest === undefined || store === undefined || this.host.knowsNatively(manifest.definition)) return [];
    const found: Uint8Array[] = [];
    for (const hash of blobsOf(manifest)) {
      try {
        found.push((await blobs.has(hash)) ? await blobs.get(hash) : await transfer.obtain(giver, hash));
      } catch (thrown) {
        this.log('home.no-module', hash, GodwitError.from(thrown));
      }
    }
    return found;
  }

  /** Whoever held the base may drop it. */
  private tellStandby(actor: string, { standby }: Register, { state: { register } }: HomeMachine): void {
    const { id } = this.host;
    if (standby === undefined || sameNode(standby, id)) return;
    const { epoch, move } = register;
    this.context.send(standby.name, { type: 'registered', move, actor, epoch, from: id, register });
  }

  /** G7: the register says that this life of this node owns the actor, which has ended here. */
  private isGone({ owner, epoch }: Register, actor: string): boolean {
    return sameNode(owner, this.host.id) && this.context.hasEnded(actor, epoch) && this.host.cell(actor) === undefined;
  }

  private log(event: string, actor: string, error: GodwitError): void {
    this.host.options.logger.log('warn', event, { node: this.host.id.name, actor, code: error.code, reason: error.message });
  }
}
