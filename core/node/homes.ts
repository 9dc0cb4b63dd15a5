import { GodwitError } from '../errors.js';
import {
  type Base,
  createHome,
  createRegister,
  defaultLeaseMs,
  defaultTimings,
  type Epoch,
  type HomeEffect,
  type HomeEvent,
  type HomeState,
  type MigrationMessage,
  type MoveId,
  type NodeId,
  type Register,
  sameNode,
  stepHome,
} from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';
import type { Instance } from '../ports/runtime.js';
import type { Bases } from './bases.js';
import { beginIncarnation } from './capture.js';
import type { Cell } from './cell.js';
import { type Handed, originOf } from './directory.js';
import { type FoundHome, type HandedEntry, HomeStore } from './home-store.js';
import { Machine } from './machine.js';
import { at, failure, type MigrationHost } from './migration-host.js';
import { mustFit, mustOwn, takenRegister } from './register-rules.js';
import type { Journal } from './replay.js';
import { restoreActor } from './restoration.js';

export type HomeMachine = Machine<HomeState, HomeEvent, HomeEffect>;

interface Home {
  readonly machine: HomeMachine;
  manifest: Manifest | undefined;
  /** The turn that its owner has under way and sent in already: what it sent is part of a takeover. */
  journal: Journal | undefined;
  /** Hash of the base on the disk. */
  written: string | undefined;
  /** What is being fetched or restored. */
  busy: string | undefined;
  /** A cell being restored by a takeover, not yet running. */
  recovering: Cell | undefined;
  lostNode: string;
  /** Its module, if a former life of the node, or the giver of the register, had to keep that. */
  blobs: readonly Uint8Array[];
  /** Who gave the register to this life of the node. */
  from: string | undefined;
}

/** A register that a former life of the node was handing over. */
export interface Unfinished extends FoundHome {
  readonly handed: Handed;
  /** Who had given it to this node, as far as this life knows. */
  readonly from: string | undefined;
}

/** The registers of actors whose home is this node, made when an actor first leaves, or first must survive a crash. */
export class Homes {
  private readonly homes = new Map<string, Home>();
  private readonly disk: HomeStore | undefined;
  /** Called when a register is about to name another owner. */
  onOwner: (actor: string) => void = () => {};

  constructor(
    private readonly host: MigrationHost,
    private readonly bases: Bases,
    private readonly send: (to: string, message: MigrationMessage) => void,
    private readonly own: (cell: Cell, move: MoveId, leaseUntilMs: number) => void,
    private readonly obtainBase: (from: string, actor: string, hash: Hash) => Promise<Uint8Array>,
  ) {
    const { store, clock, logger } = host.options;
    this.disk = store === undefined ? undefined : new HomeStore(store, clock, logger, host.id.name);
  }

  /** Goes on where the node's former life ended: its own actors are restored, those of others are waited for (DESIGN §8). */
  load(): Unfinished[] {
    const { directory, id } = this.host;
    const handed = new Map(this.disk?.handed());
    for (const [actor, to] of handed) directory.rehome(actor, to);
    const unfinished: Unfinished[] = [];
    for (const found of this.disk?.found() ?? []) {
      const { actor, register, manifest, base, journal, term = 0 } = found;
      if (base !== undefined) this.bases.keep(actor, base.hash, base.bytes);
      const to = handed.get(actor);
      if (to !== undefined && to.home !== id.name) {
        unfinished.push({ ...found, handed: to, from: undefined });
        continue;
      }
      if (term > 0) directory.rehome(actor, { home: id.name, term });
      const home = this.create(actor, register, manifest);
      home.journal = journal;
      home.written = base?.hash;
      home.blobs = found.blobs;
      this.host.ownedBy(actor, register.owner.name, register.epoch);
      home.machine.feed(at(this.host, { type: 'restarted' } as const));
    }
    return unfinished;
  }

  /** The actors of this home that have a register. */
  addresses(): string[] {
    return [...this.homes.keys()];
  }

  /**
   * Gives a register out of this home's hands, which from then on decides nothing. Resolves when that is safe.
   * @throws {GodwitError} FAILED_PRECONDITION there is none, its owner is lost and not replaced yet, it is where it was spawned and its register
   * should go elsewhere, or what its turn under way has sent does not fit into a message
   */
  async release(actor: string, to: string): Promise<Unfinished> {
    const { directory, id } = this.host;
    const home = this.homes.get(actor);
    await home?.machine.idle();
    if (home === undefined || this.homes.get(actor) !== home || home.machine.state.phase !== 'settled' || home.recovering !== undefined)
      throw new GodwitError('FAILED_PRECONDITION', `node ${id.name} has no register of ${actor} to hand over, or is restoring it`);
    const { register } = home.machine.state;
    const origin = originOf(actor);
    if (to !== origin && register.owner.name === origin) throw new GodwitError('FAILED_PRECONDITION', `actor ${actor} is on ${origin}, which is then its home`);
    mustFit(actor, register, home.manifest, home.journal);
    const handed: Handed = { home: to, term: directory.handed(actor).term + 1 };
    home.machine.close();
    this.homes.delete(actor);
    await this.handAgain(actor, handed);
    return { actor, register, manifest: home.manifest, term: handed.term, journal: home.journal, base: undefined, blobs: home.blobs, from: home.from, handed };
  }

  /** A register that was released is on its way under this term. */
  async handAgain(actor: string, handed: Handed): Promise<void> {
    this.host.directory.rehome(actor, handed);
    await this.disk?.hand(actor, handed);
  }

  /** The register is another home's now. @param forgotten nobody else can take this node for the home, or for the next */
  released(actor: string, handed: Handed, forgotten = false): void {
    this.bases.forgetCheckpoints(actor);
    (forgotten ? this.disk?.forget(actor, undefined) : this.disk?.handedOver(actor, handed))?.catch(() => undefined);
  }

  /** Nobody keeps a register of an actor that was handed over. */
  dropHanded(actor: string): void {
    this.bases.forget(actor);
    this.disk?.forget(actor, this.counted(actor)).catch(() => undefined);
  }

  /** Takes a register in, with the bytes of its base if they are here. Resolves when this node is the home. @param from who gave it */
  async take(actor: string, entry: HandedEntry, bytes: Uint8Array | undefined, blobs: readonly Uint8Array[], from?: string): Promise<HomeMachine> {
    const { id, directory } = this.host;
    const { base } = entry.register;
    const kept = base === undefined || bytes === undefined ? undefined : { hash: base.hash, bytes };
    if (kept !== undefined) this.bases.keep(actor, kept.hash, kept.bytes);
    const register = takenRegister(entry.register, id, kept !== undefined, (hash) => this.bases.get(hash) !== undefined);
    await this.disk?.take(actor, { ...entry, register }, kept, blobs);
    directory.rehome(actor, { home: id.name, term: entry.term });
    const home = this.create(actor, register, entry.manifest);
    home.journal = entry.journal;
    home.written = kept?.hash;
    home.blobs = blobs;
    home.from = from;
    this.host.ownedBy(actor, register.owner.name, register.epoch);
    return home.machine;
  }

  /** A first register for an actor that runs here, and of which nobody keeps one. */
  renew({ address, epoch, manifest }: Cell): void {
    this.create(address, { ...createRegister(this.host.id, defaultLeaseMs), epoch }, manifest);
  }

  /** The machine for an actor's register, or undefined if this node is not its home. */
  get(address: string): HomeMachine | undefined {
    return this.homes.get(address)?.machine;
  }

  /** True while a takeover brings the actor back here. */
  isRestoring(address: string): boolean {
    const home = this.homes.get(address);
    // Between the two the register is on its way to the disk.
    return isComing(home?.machine.state) || home?.recovering !== undefined;
  }

  /** The application spawned the actor anew. @returns true if the register knows it and it comes back by itself */
  spawned(address: string): boolean {
    const home = this.homes.get(address);
    if (home === undefined) return false;
    if (home.machine.state.phase === 'lost') {
      // There is nothing to come back: this is another life of the name.
      this.forget(address);
      return false;
    }
    if (isComing(home.machine.state)) home.machine.feed(at(this.host, { type: 'timer', timer: 'restore' } as const));
    return isComing(home.machine.state) || home.machine.state.register.owner.name !== this.host.id.name;
  }

  /** An actor of this home is about to leave. @throws {GodwitError} RESOURCE_EXHAUSTED, UNAVAILABLE the register cannot be written */
  async begin(cell: Cell, manifest: Manifest): Promise<void> {
    const { id } = this.host;
    if (this.host.directory.homeOf(cell.address) !== id.name) return;
    const before = this.homes.get(cell.address);
    if (before !== undefined) before.manifest = manifest;
    // A register is never on the disk before the base that it names.
    await before?.machine.idle();
    // It may have been handed over meanwhile.
    if (before !== undefined && this.homes.get(cell.address) !== before) return;
    const register = before?.machine.state.register ?? createRegister(id, defaultLeaseMs);
    await this.disk?.begin(cell.address, { register, manifest, term: this.host.directory.handed(cell.address).term });
    // Or now; or the actor has ended, and nobody would forget what was written.
    if (before !== undefined || this.homes.has(cell.address)) return;
    if (cell.status === 'ended') await this.disk?.forget(cell.address, this.counted(cell.address));
    else this.create(cell.address, register, manifest);
  }

  /** Notes a checkpoint of the owner; who sent it hears `registered` when it is safe. @throws {GodwitError} FAILED_PRECONDITION not the owner */
  checkpointed(actor: string, from: NodeId, epoch: Epoch, base: Base, bytes: Uint8Array): void {
    const home = this.homes.get(actor) ?? this.createOwn(actor);
    const { register } = home.machine.state;
    mustOwn(register, actor, from, epoch);
    this.bases.keep(actor, base.hash, bytes);
    const stable = { type: 'stable', move: register.move, actor, epoch, from, base, standby: this.host.id } as const;
    home.machine.feed(at(this.host, { type: 'message', message: stable } as const));
  }

  /** Notes what the owner's turn under way has sent. Resolves when it is safe. @throws {GodwitError} FAILED_PRECONDITION not the owner */
  async journaled(actor: string, from: NodeId, epoch: Epoch, journal: Journal): Promise<void> {
    const home = this.homes.get(actor);
    if (home === undefined) throw new GodwitError('FAILED_PRECONDITION', `no register of ${actor} is here`);
    // It builds on the checkpoint before it, which must be safe first.
    await home.machine.idle();
    if (this.homes.get(actor) !== home) throw new GodwitError('FAILED_PRECONDITION', `the register of ${actor} was handed over`);
    mustOwn(home.machine.state.register, actor, from, epoch);
    const before = home.journal?.turn === journal.turn ? home.journal.outputs : [];
    // An owner that had no answer tells it again.
    const known = new Set(before.map(({ to, record }) => `${to} ${record.number}`));
    home.journal = { ...journal, outputs: [...before, ...journal.outputs.filter(({ to, record }) => !known.has(`${to} ${record.number}`))] };
    await this.disk?.journal(actor, home.journal);
  }

  /** The actor exists no more. */
  forget(address: string): void {
    const home = this.homes.get(address);
    if (home === undefined) return;
    home.machine.close();
    this.homes.delete(address);
    this.bases.forget(address);
    this.disk?.forget(address, this.counted(address)).catch(() => undefined);
  }

  /** G3: terms go on where they were, in a later life of the name and of this node. */
  private counted(actor: string): Handed | undefined {
    const { directory, id } = this.host;
    const handed = directory.handed(actor);
    return originOf(actor) === id.name && handed.term > 0 ? { ...handed, home: id.name } : undefined;
  }

  /** The owner itself says that it runs the actor no more, and has not given it away. */
  ownerGone(address: string, node: NodeId, epoch: Epoch): void {
    this.get(address)?.feed(at(this.host, { type: 'ownerGone', node, epoch } as const));
  }

  nodeSeen(node: NodeId): void {
    for (const { machine } of this.homes.values()) machine.feed(at(this.host, { type: 'nodeSeen', node } as const));
  }

  close(): void {
    this.disk?.close();
    for (const { machine } of this.homes.values()) machine.close();
  }

  /** A durable actor that was never away has a register from its first checkpoint on. */
  private createOwn(actor: string): Home {
    if (this.host.directory.homeOf(actor) !== this.host.id.name)
      throw new GodwitError('FAILED_PRECONDITION', `node ${this.host.id.name} is not the home of ${actor}`);
    return this.create(actor, createRegister(this.host.id, defaultLeaseMs), undefined);
  }

  private create(actor: string, register: Register, manifest: Manifest | undefined): Home {
    const machine: HomeMachine = new Machine(
      createHome(actor, this.host.id, register, defaultTimings),
      stepHome,
      (effect) => this.carry(home, actor, effect),
      (timer) => at(this.host, { type: 'timer', timer }) as HomeEvent,
      this.host.options.clock,
    );
    const home: Home = {
      machine,
      manifest,
      journal: undefined,
      written: undefined,
      busy: undefined,
      recovering: undefined,
      lostNode: '',
      blobs: [],
      from: undefined,
    };
    this.homes.set(actor, home);
    return home;
  }

  private carry(home: Home, address: string, effect: Exclude<HomeEffect, { type: 'startTimer' | 'stopTimer' }>): void | Promise<void> {
    switch (effect.type) {
      case 'send':
        this.send(effect.to, effect.message);
        return;
      case 'persist':
        return this.persist(home, address, effect.register);
      case 'obtain':
        this.work(home, { type: 'obtained', hash: effect.base.hash }, () => this.obtain(home, address, effect.base, effect.from));
        return;
      case 'restore':
        this.work(home, { type: 'restored' }, () => this.restore(home, address, effect.base));
        return;
      case 'runHere':
        this.runHere(home, effect.epoch, effect.move, effect.incarnation);
        return;
      case 'report':
        this.report(home, address, effect.report);
    }
  }

  /** H1: the register, with the base it names, is on the disk when this resolves. Without a disk it lives as long as the node. */
  private persist(home: Home, address: string, register: Register): Promise<void> | undefined {
    const { base } = register;
    const covered = base !== undefined && home.journal !== undefined && base.turns > home.journal.turn;
    if (covered) home.journal = undefined;
    if (base !== undefined) this.bases.prune(address, base.hash);
    this.host.ownedBy(address, register.owner.name, register.epoch);
    if (this.disk === undefined) return undefined;
    const bytes = base === undefined || base.hash === home.written ? undefined : this.bases.get(base.hash);
    if (bytes !== undefined) home.written = base?.hash;
    else if (base !== undefined && base.hash !== home.written && register.standby !== undefined && sameNode(register.standby, this.host.id))
      this.host.options.logger.log('error', 'home.base-missing', { node: this.host.id.name, actor: address, hash: base.hash });
    this.onOwner(address);
    const entry = { register, manifest: home.manifest, term: this.host.directory.handed(address).term };
    return this.disk.register(address, entry, base === undefined || bytes === undefined ? undefined : { hash: base.hash, bytes }, covered ? null : undefined);
  }

  /** Does what the home waits for, once at a time, and tells it how that ended. */
  private work(home: Home, done: { readonly type: 'obtained'; readonly hash: Hash } | { readonly type: 'restored' }, work: () => Promise<void>): void {
    const key = 'hash' in done ? done.hash : done.type;
    if (home.busy === key) return;
    home.busy = key;
    const ended = (event: HomeEvent) => {
      if (home.busy === key) home.busy = undefined;
      home.machine.feed(event);
    };
    work().then(
      () => ended(at(this.host, done)),
      (thrown: unknown) => ended(failure(this.host, thrown)),
    );
  }

  private async obtain(home: Home, address: string, { hash }: Base, from: string): Promise<void> {
    const bytes = this.bases.get(hash) ?? (await this.obtainBase(from, address, hash));
    if (this.homes.get(address) === home) this.bases.keep(address, hash, bytes);
  }

  private async restore(home: Home, address: string, { hash }: Base): Promise<void> {
    const { host } = this;
    const bytes = this.bases.get(hash);
    if (bytes === undefined) throw new GodwitError('DATA_LOSS', `node ${host.id.name} is to keep base ${hash} of ${address}, and does not`);
    const { journal, manifest, blobs, machine } = home;
    const cell = await restoreActor(host, address, { base: bytes, journal, register: machine.state.register, manifest, blobs });
    home.blobs = [];
    home.recovering = cell;
  }

  private runHere(home: Home, epoch: number, move: MoveId, incarnation: number): void {
    const cell = home.recovering;
    if (cell === undefined) return;
    home.recovering = undefined;
    cell.epoch = epoch;
    // Higher than every one before: of two takeovers from one base the second has the higher epoch, and any other base knows the incarnation before it.
    if (!cell.durable) beginIncarnation(cell, cell.incarnation + incarnation);
    this.host.enter(cell);
    this.own(cell, move, Number.POSITIVE_INFINITY);
    cell.run(cell.instance as Instance);
    for (const { ask, upTo } of cell.lastCapture?.streams ?? []) cell.instance?.more(ask, upTo);
    this.host.emit({ type: 'restored', actor: cell.address, lostNode: home.lostNode, epoch, incarnation: cell.incarnation, turns: cell.turns });
  }

  private report(home: Home, address: string, report: Extract<HomeEffect, { type: 'report' }>['report']): void {
    if (report.type === 'tookOver') home.lostNode = report.from.name;
    const fields = report.type === 'tookOver' ? { from: report.from.name, epoch: report.epoch } : { reason: report.reason.message };
    this.host.options.logger.log(report.type === 'tookOver' ? 'warn' : 'error', `home.${report.type}`, { node: this.host.id.name, actor: address, ...fields });
  }
}

/** True while a takeover is under way. */
function isComing(state: HomeState | undefined): boolean {
  return state?.phase === 'fetching' || state?.phase === 'restoring';
}
