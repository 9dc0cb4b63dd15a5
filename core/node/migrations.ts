// Carries the migration protocol of `core/migration` out on a node: one machine per move and role, one owner and one home machine per
// actor that ever left its home. The machines decide, this file acts.
import type { Protocol } from '../actors/definition.js';
import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import {
  answerStray,
  type Base,
  createHome,
  createOwner,
  createRegister,
  createSource,
  createTarget,
  defaultLeaseMs,
  defaultTimings,
  type HomeEffect,
  type HomeEvent,
  type HomeState,
  type MigrationMessage,
  type MoveId,
  type NodeId,
  type OwnerEffect,
  type OwnerEvent,
  type OwnerState,
  receiversOf,
  type Send,
  type SourceEffect,
  type SourceEvent,
  type SourceReport,
  type SourceState,
  stepHome,
  stepOwner,
  stepSource,
  stepTarget,
  type TargetEffect,
  type TargetEvent,
  type TargetState,
} from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance } from '../ports/runtime.js';
import { beginIncarnation, captureCell, type CellCapture, parseCapture, restoreCell } from './capture.js';
import type { Cell } from './cell.js';
import { homeOf } from './directory.js';
import type { ControlMessage, Link } from './link.js';
import { Machine } from './machine.js';
import type { Routes } from './routes.js';
import type { MoveOptions, MoveReport, NodeEvent, NodeOptions } from './types.js';

/** What migrations need of their node. */
export interface MigrationHost {
  readonly id: NodeId;
  readonly options: NodeOptions;
  readonly routes: Routes;
  now(): number;
  cell(address: string): Cell | undefined;
  /** A cell for an actor that is coming; not yet reachable. */
  createCell(address: string, protocol: Protocol): Cell;
  enter(cell: Cell): void;
  leave(cell: Cell, to: NodeId, epoch: number): void;
  createInstance(cell: Cell, tier: Tier, manifest: Manifest | undefined, capture: CellCapture['instance']): Promise<Instance>;
  startTimer: Parameters<typeof restoreCell>[3];
  emit(event: NodeEvent): void;
}

/** Captures up to this size ride on the link; a larger one goes as a blob, so that bulk never delays a message. */
const inlineCaptureBytes = 64 * 1024;
/** What the target should reserve for a state nobody has measured yet. */
const expectedCaptureBytes = 1024 * 1024;

interface Outgoing {
  readonly cell: Cell;
  readonly options: MoveOptions;
  readonly manifest: Manifest;
  readonly fromTier: Tier;
  readonly fromPlace: string;
  readonly startedAt: number;
  moduleBytes: number;
  modelBytes: number;
  warm: boolean;
  frozenAt: number;
  bytes: Uint8Array | undefined;
  hash: Hash | undefined;
  before: string;
  settle: { readonly resolve: (report: MoveReport) => void; readonly reject: (error: GodwitError) => void };
}

interface Arriving {
  cell: Cell | undefined;
  instance: Instance | undefined;
  tier: Tier;
  manifest: Manifest;
  source: string;
  bytes: Uint8Array | undefined;
  stateHash: string;
}

/** What the target tells the source about the arrival, for the report. */
export interface ArrivedMessage {
  readonly type: 'arrived';
  readonly move: string;
  readonly tier: Tier;
  readonly place: string;
  readonly stateHash: string;
}

type SourceMachine = Machine<SourceState, SourceEvent, SourceEffect>;
type TargetMachine = Machine<TargetState, TargetEvent, TargetEffect>;
type OwnerMachine = Machine<OwnerState, OwnerEvent, OwnerEffect>;
type HomeMachine = Machine<HomeState, HomeEvent, HomeEffect>;

export class Migrations {
  private readonly sources = new Map<string, SourceMachine>();
  private readonly targets = new Map<string, TargetMachine>();
  private readonly owners = new Map<string, OwnerMachine>();
  private readonly homes = new Map<string, HomeMachine>();
  private readonly outgoing = new Map<string, Outgoing>();
  private readonly arriving = new Map<string, Arriving>();
  private readonly arrivals = new Map<string, ArrivedMessage>();
  /** Captures this node answers for: retained copies and checkpoints, by hash. */
  private readonly bases = new Map<string, Uint8Array>();
  /** The latest checkpoint this node keeps for each actor. */
  private readonly checkpoints = new Map<string, Hash>();
  /** Cells being restored by a takeover. */
  private readonly recovering = new Map<string, Cell>();
  private moves = 0;

  constructor(private readonly host: MigrationHost) {}

  /** Moves an actor that runs here. Resolves when it runs there. @throws {GodwitError} the reason for which it was given up; the actor then runs on here */
  async move(cell: Cell, options: MoveOptions): Promise<MoveReport> {
    const { id } = this.host;
    if (options.to === id.name) throw new GodwitError('FAILED_PRECONDITION', `actor ${cell.address} is on node ${id.name} already`);
    const link = this.host.routes.links.get(options.to);
    if (link === undefined || !link.attached) throw new GodwitError('UNAVAILABLE', `no link to node ${options.to}: actor ${cell.address} stays on ${id.name}`);
    for (const other of this.outgoing.values()) if (other.cell === cell) throw new GodwitError('ABORTED', `actor ${cell.address} is already moving to ${other.options.to}`);
    const { manifest, blobs } = await this.moduleOf(cell);
    for (const bytes of blobs.values()) await this.host.options.blobs.put(bytes);
    const move = `${id.boot}-${++this.moves}` as MoveId;
    const models = new Set(Object.values(manifest.models));
    return new Promise((resolve, reject) => {
      const outgoing: Outgoing = {
        cell,
        options,
        manifest,
        fromTier: cell.tier,
        fromPlace: cell.instance?.place ?? '',
        startedAt: this.host.now(),
        moduleBytes: 0,
        modelBytes: 0,
        warm: true,
        frozenAt: 0,
        bytes: undefined,
        hash: undefined,
        before: '',

        settle: { resolve, reject },
      };
      this.outgoing.set(move, outgoing);
      const machine: SourceMachine = new Machine(createSource(), stepSource, (effect) => this.carrySource(move, machine, outgoing, models, effect), (timer) => this.at({ type: 'timer', timer }) as SourceEvent, this.host.options.clock);
      this.sources.set(move, machine);
      this.homeOf(cell);
      this.ownerOf(cell);
      const plan = {
        move,
        actor: cell.address,
        epoch: cell.epoch,
        source: id,
        target: link.peer.node === options.to ? { name: link.peer.node, boot: link.peer.boot } : id,
        home: homeOf(cell.address),
        manifest,
        ...(options.token === undefined ? {} : { token: options.token }),
        blobs: [manifest.program, ...models],
        expectedBytes: expectedCaptureBytes,
        timings: defaultTimings,
      };
      const onAbort = () => machine.feed(this.at({ type: 'cancel', reason: valueFromError(new GodwitError('CANCELLED', `move of ${cell.address} to ${options.to} was given up by its caller`), id.name) }));
      options.signal?.addEventListener('abort', onAbort, { once: true });
      machine.feed(this.at({ type: 'begin', plan }));
    });
  }

  /** Hands a message to the machines it is for. */
  receive(message: MigrationMessage): void {
    let known = false;
    for (const role of receiversOf[message.type]) {
      const event = this.at({ type: 'message', message } as const);
      if (role === 'source' || role === 'target') {
        if (role === 'target' && message.type === 'prepare' && !this.targets.has(message.move)) this.createTarget(message.move, message.manifest, message.from.name);
        const machine = role === 'source' ? this.sources.get(message.move) : this.targets.get(message.move);
        machine?.feed(event);
        known ||= machine !== undefined;
      } else {
        const machine = role === 'owner' ? this.owners.get(message.actor) : this.homeFor(message.actor);
        machine?.feed(event);
        known ||= machine !== undefined;
      }
    }
    const stray = known ? undefined : answerStray(message, this.host.id);
    if (stray !== undefined) this.send(stray);
  }

  /** The target's word on how it runs the actor; part of the report. */
  arrived(message: ArrivedMessage): void {
    if (this.outgoing.has(message.move)) this.arrivals.set(message.move, message);
  }

  peer(type: 'peerLost' | 'peerRegained', link: Link): void {
    const event = this.at({ type, peer: link.peer.node } as const);
    for (const machine of this.sources.values()) machine.feed(event);
    for (const machine of this.targets.values()) machine.feed(event);
    if (type === 'peerLost') return;
    for (const machine of this.owners.values()) machine.feed({ ...event, type });
    for (const machine of this.homes.values()) machine.feed(this.at({ type: 'nodeSeen', node: { name: link.peer.node, boot: link.peer.boot } }));
  }

  epochSeen(address: string, epoch: number): void {
    this.owners.get(address)?.feed(this.at({ type: 'epochSeen', epoch }));
  }

  // ── Checkpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends the actor as it is between turns to its home. The cell is drained; it goes on at once. */
  async checkpoint(cell: Cell): Promise<void> {
    const home = this.host.routes.links.get(homeOf(cell.address));
    const instance = cell.instance;
    if (home === undefined || instance === undefined) return;
    const capture = await instance.capture(false);
    const handled = [...cell.cursors.values()].map((cursor) => ({ cursor, number: cursor.handled }));
    const bytes = captureCell(cell, capture, this.host.now(), false);
    const turns = cell.turns;
    const hash = await this.host.options.digest.sha256(bytes);
    const inline = bytes.length <= inlineCaptureBytes;
    if (!inline) {
      await this.host.options.blobs.put(bytes);
      await this.host.options.transfer.offer(home.peer.node, hash);
    }
    const stored = new Promise<boolean>((resolve) => this.awaited.set(`${cell.address} ${hash}`, resolve));
    home.control({ type: 'checkpoint', actor: cell.address, epoch: cell.epoch, hash, turns, ...(inline ? { bytes } : {}) } as CheckpointMessage);
    void stored.then((isStable) => {
      if (!isStable || cell.status === 'ended') return;
      for (const { cursor, number } of handled) cursor.checkpointed(number);
      this.owners.get(cell.address)?.feed(this.at({ type: 'checkpointStable', stable: { base: { hash, turns }, standby: { name: home.peer.node, boot: home.peer.boot } } }));
      this.host.emit({ type: 'checkpoint', actor: cell.address, turns, bytes: bytes.length });
      if (!inline) void this.host.options.blobs.delete(hash);
    });
  }
  private readonly awaited = new Map<string, (stable: boolean) => void>();

  /** Keeps a checkpoint for an actor whose home is here. */
  async keep(message: CheckpointMessage, from: Link): Promise<void> {
    const home = this.homes.get(message.actor);
    const refuse = (reason: string) => this.host.options.logger.log('warn', 'checkpoint.refused', { actor: message.actor, from: from.peer.node, reason });
    if (home === undefined || home.state.register.owner.name !== from.peer.node || home.state.register.epoch !== message.epoch) {
      refuse('not the owner at this epoch');
      return;
    }
    const bytes = message.bytes ?? (await this.host.options.transfer.obtain(from.peer.node, message.hash));
    if ((await this.host.options.digest.sha256(bytes)) !== message.hash) {
      refuse('bytes do not match their hash');
      return;
    }
    const former = this.checkpoints.get(message.actor);
    this.bases.set(message.hash, bytes);
    this.checkpoints.set(message.actor, message.hash);
    from.control({ type: 'checkpointed', actor: message.actor, hash: message.hash } as CheckpointedMessage);
    // The register may still name the former one; it stays until the announcement of this one has come.
    if (former !== undefined && former !== message.hash && home.state.register.base?.hash !== former) this.bases.delete(former);
  }

  kept(message: CheckpointedMessage): void {
    const key = `${message.actor} ${message.hash}`;
    this.awaited.get(key)?.(true);
    this.awaited.delete(key);
  }

  close(): void {
    for (const machines of [this.sources, this.targets, this.owners, this.homes]) for (const machine of machines.values()) machine.close();
    for (const [move, outgoing] of this.outgoing) outgoing.settle.reject(new GodwitError('CANCELLED', `node ${this.host.id.name} closed during move ${move}`));
    this.outgoing.clear();
  }

  // ── Source ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private carrySource(move: MoveId, machine: SourceMachine, outgoing: Outgoing, models: ReadonlySet<Hash>, effect: Exclude<SourceEffect, { type: 'startTimer' | 'stopTimer' }>): void | Promise<void> {
    const { cell } = outgoing;
    switch (effect.type) {
      case 'send':
        this.send(effect);
        return;
      case 'offerBlobs':
        void this.offerBlobs(machine, outgoing, models, effect.to, effect.hashes);
        return;
      case 'freeze':
        void this.freeze(machine, outgoing);
        return;
      case 'thaw':
        cell.thaw();
        this.host.routes.reroute(cell.address);
        return;
      case 'sendCapture':
        void this.sendCapture(machine, outgoing, effect.to, effect.message);
        return;
      case 'handOver':
        this.owners.get(cell.address)?.feed(this.at({ type: 'handedOver' }));
        this.owners.delete(cell.address);
        return;
      case 'activate':
        cell.epoch = effect.epoch;
        cell.thaw();
        this.own(cell, move, effect.leaseUntilMs);
        this.host.routes.reroute(cell.address);
        return;
      case 'moved':
        this.bases.set(outgoing.hash as Hash, outgoing.bytes as Uint8Array);
        this.host.leave(cell, effect.where, effect.epoch);
        return;
      case 'dropCopy':
        if (outgoing.hash !== undefined) this.bases.delete(outgoing.hash);
        if (cell.status === 'frozen') this.host.leave(cell, this.host.id, cell.epoch);
        return;
      case 'report':
        this.report(move, machine, outgoing, effect.report);
    }
  }

  private async offerBlobs(machine: SourceMachine, outgoing: Outgoing, models: ReadonlySet<Hash>, to: string, hashes: readonly Hash[]): Promise<void> {
    try {
      for (const hash of hashes) {
        const size = (await this.host.options.blobs.get(hash)).length;
        await this.host.options.transfer.offer(to, hash);
        if (models.has(hash)) outgoing.modelBytes += size;
        else outgoing.moduleBytes += size;
        outgoing.warm = false;
      }
      machine.feed(this.at({ type: 'blobsOffered' }));
    } catch (thrown) {
      machine.feed(this.failed(thrown));
    }
  }

  private async freeze(machine: SourceMachine, outgoing: Outgoing): Promise<void> {
    const { cell } = outgoing;
    try {
      await cell.drain();
      if (machine.state.phase !== 'freezing') return;
      outgoing.frozenAt = this.host.options.clock.now();
      cell.freeze();
      this.host.routes.detach(cell);
      const instance = await (cell.instance as Instance).capture(true);
      cell.flush();
      const bytes = captureCell(cell, instance, this.host.now(), true);
      outgoing.bytes = bytes;
      const [hash, before] = await Promise.all([this.host.options.digest.sha256(bytes), this.host.options.digest.sha256(instance.state)]);
      outgoing.hash = hash;
      outgoing.before = before;
      machine.feed(this.at({ type: 'frozen', capture: { hash, turns: cell.turns, sizeBytes: bytes.length } }));
    } catch (thrown) {
      machine.feed(this.failed(thrown));
    }
  }

  private async sendCapture(machine: SourceMachine, outgoing: Outgoing, to: string, message: Extract<MigrationMessage, { type: 'capture' }>): Promise<void> {
    const bytes = outgoing.bytes as Uint8Array;
    try {
      if (bytes.length <= inlineCaptureBytes) this.send({ type: 'send', to, message: { ...message, bytes } });
      else {
        await this.host.options.blobs.put(bytes);
        await this.host.options.transfer.offer(to, message.capture.hash);
        this.send({ type: 'send', to, message });
      }
      machine.feed(this.at({ type: 'captureSent' }));
    } catch (thrown) {
      machine.feed(this.failed(thrown));
    }
  }

  private report(move: MoveId, machine: SourceMachine, outgoing: Outgoing, report: SourceReport): void {
    const { cell, options } = outgoing;
    switch (report.type) {
      case 'running': {
        const arrival = this.arrivals.get(move);
        const now = this.host.options.clock.now();
        const done: MoveReport = {
          move,
          actor: cell.address,
          from: { node: this.host.id.name, tier: outgoing.fromTier, place: outgoing.fromPlace },
          to: { node: options.to, tier: arrival?.tier ?? 'script', place: arrival?.place ?? '' },
          trigger: options.trigger ?? 'application',
          epoch: report.epoch,
          stallMs: now - outgoing.frozenAt,
          totalMs: now - outgoing.startedAt,
          bytes: { module: outgoing.moduleBytes, capture: outgoing.bytes?.length ?? 0, models: outgoing.modelBytes },
          warm: outgoing.warm,
          stateHash: { before: outgoing.before, after: arrival?.stateHash ?? '' },
        };
        this.arrivals.delete(move);
        this.host.emit({ type: 'moved', report: done });
        outgoing.settle.resolve(done);
        return;
      }
      case 'givenUp':
      case 'superseded': {
        const error = report.type === 'givenUp' ? errorFromValue(report.reason) : new GodwitError('ABORTED', `actor ${cell.address} is owned by ${report.register.owner.name} at epoch ${report.register.epoch}`);
        this.host.emit({ type: 'move-failed', actor: cell.address, to: options.to, reason: error.message });
        this.endOutgoing(move, machine);
        outgoing.settle.reject(error);
        return;
      }
      case 'done':
        this.endOutgoing(move, machine);
        return;
      case 'committed':
    }
  }

  private endOutgoing(move: MoveId, machine: SourceMachine): void {
    this.outgoing.delete(move);
    this.arrivals.delete(move);
    machine.close();
    this.sources.delete(move);
  }

  private async moduleOf(cell: Cell): Promise<{ manifest: Manifest; blobs: ReadonlyMap<Hash, Uint8Array> }> {
    if (cell.manifest !== undefined) return { manifest: cell.manifest, blobs: new Map() };
    const { modules } = this.host.options;
    if (modules === undefined) throw new GodwitError('FAILED_PRECONDITION', `node ${this.host.id.name} has no module source, so actor ${cell.address} cannot move: give it 'modules' (godwit/build has bundler())`);
    const { definition, version } = cell.target.$protocol;
    const module = await modules.module(definition, version);
    cell.manifest = module.manifest;
    return module;
  }

  // ── Target ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private createTarget(move: MoveId, manifest: Manifest, source: string): void {
    const arriving: Arriving = { cell: undefined, instance: undefined, tier: manifest.tier, manifest, source, bytes: undefined, stateHash: '' };
    this.arriving.set(move, arriving);
    const machine: TargetMachine = new Machine(
      createTarget(this.host.id),
      stepTarget,
      (effect) => this.carryTarget(move, machine, arriving, effect),
      (timer) => this.at({ type: 'timer', timer }) as TargetEvent,
      this.host.options.clock,
    );
    this.targets.set(move, machine);
  }

  private carryTarget(move: MoveId, machine: TargetMachine, arriving: Arriving, effect: Exclude<TargetEffect, { type: 'startTimer' | 'stopTimer' }>): void {
    const act = (work: Promise<TargetEvent>) => void work.then((event) => machine.feed(event), (thrown: unknown) => machine.feed(this.failed(thrown)));
    switch (effect.type) {
      case 'send':
        if (effect.message.type === 'running') {
          this.announceArrival(move, arriving, effect.to);
          this.endArriving(move, machine);
        }
        this.send(effect);
        return;
      case 'reserve':
        act(this.reserve(arriving, effect.prepare));
        return;
      case 'obtainBlobs':
        act(Promise.all(effect.hashes.map((hash) => this.host.options.transfer.obtain(effect.from, hash))).then(() => this.at({ type: 'blobsObtained' })));
        return;
      case 'warm':
        act(this.warm(arriving).then(() => this.at({ type: 'instanceWarmed' })));
        return;
      case 'restore':
        act(this.restore(arriving, effect.message).then((hash) => this.at({ type: 'restored', hash })));
        return;
      case 'run':
        this.runArrived(move, arriving, effect.epoch, effect.leaseUntilMs);
        return;
      case 'discard':
        arriving.instance?.close();
        this.endArriving(move, machine);
        return;
      case 'refuse':
        this.host.options.logger.log('warn', 'migration.refused', { ...effect.reason });
    }
  }

  private async reserve(arriving: Arriving, prepare: Extract<MigrationMessage, { type: 'prepare' }>): Promise<TargetEvent> {
    const { options, id } = this.host;
    const { definition, version } = prepare.manifest;
    const request = { move: prepare.move, address: prepare.actor, definition, version, needs: {}, manifest: prepare.manifest, token: prepare.token ?? '', source: prepare.from.name };
    const isHome = homeOf(prepare.actor) === id.name;
    const admission = isHome ? { tier: this.homeTier(definition, prepare.manifest) } : options.admit === undefined ? undefined : await options.admit(request);
    if (admission === undefined) throw new GodwitError('PERMISSION_DENIED', `node ${id.name} admits no actors of other nodes`);
    arriving.tier = admission.tier;
    const needed = admission.tier === 'native' ? [] : prepare.blobs;
    const missing: Hash[] = [];
    for (const hash of needed) if (!(await options.blobs.has(hash))) missing.push(hash);
    return this.at({ type: 'reserved', missing });
  }

  private homeTier(definition: string, manifest: Manifest): Tier {
    return this.host.options.definitions?.some((known) => known.name === definition) === true || this.knowsNatively(definition) ? 'native' : manifest.tier;
  }

  /** Set by the node: definitions it has spawned. */
  knowsNatively: (definition: string) => boolean = () => false;

  private async warm(arriving: Arriving): Promise<void> {
    if (arriving.tier === 'native') return;
    const runtime = this.host.options.runtimes.find((candidate) => candidate.tier === arriving.tier);
    if (runtime === undefined) throw new GodwitError('UNIMPLEMENTED', `node ${this.host.id.name} runs no ${arriving.tier} tier`);
    const program = await this.host.options.blobs.get(arriving.manifest.program);
    await runtime.warm({ manifest: arriving.manifest, program });
  }

  private async restore(arriving: Arriving, message: Extract<MigrationMessage, { type: 'capture' }>): Promise<Hash> {
    const bytes = message.bytes ?? (await this.host.options.transfer.obtain(message.from.name, message.capture.hash));
    const hash = await this.host.options.digest.sha256(bytes);
    if (hash !== message.capture.hash) return hash;
    const capture = parseCapture(bytes);
    const cell = this.host.createCell(message.actor, capture.protocol);
    cell.manifest = arriving.manifest;
    restoreCell(cell, capture, this.host.now(), (timer, delayMs) => this.host.startTimer(timer, delayMs));
    arriving.bytes = bytes;
    arriving.cell = cell;
    arriving.instance = await this.host.createInstance(cell, arriving.tier, arriving.manifest, capture.instance);
    // I7: hashed from what the new instance holds, not from what came.
    arriving.stateHash = await this.host.options.digest.sha256((await arriving.instance.capture(false)).state);
    return hash;
  }

  private runArrived(move: MoveId, arriving: Arriving, epoch: number, leaseUntilMs: number): void {
    const { cell, instance } = arriving;
    if (cell === undefined || instance === undefined) return;
    cell.epoch = epoch;
    this.host.enter(cell);
    cell.run(instance);
    this.own(cell, move, leaseUntilMs);
    this.host.emit({ type: 'arrived', actor: cell.address, from: arriving.source, tier: instance.tier, place: instance.place, epoch });
  }

  private announceArrival(move: MoveId, arriving: Arriving, to: string): void {
    const { cell, instance, bytes, stateHash } = arriving;
    if (cell === undefined || instance === undefined || bytes === undefined) return;
    this.sendControl(to, { type: 'arrived', move, tier: instance.tier, place: instance.place, stateHash } as ArrivedMessage);
    if (homeOf(cell.address) === this.host.id.name) void this.keepAtHome(cell, bytes);
  }

  /** The home owns the actor and has its bytes: nobody else needs to keep a copy. */
  private async keepAtHome(cell: Cell, bytes: Uint8Array): Promise<void> {
    const hash = await this.host.options.digest.sha256(bytes);
    const former = this.checkpoints.get(cell.address);
    this.bases.set(hash, bytes);
    this.checkpoints.set(cell.address, hash);
    this.owners.get(cell.address)?.feed(this.at({ type: 'checkpointStable', stable: { base: { hash, turns: cell.turns }, standby: this.host.id } }));
    if (former !== undefined && former !== hash) this.bases.delete(former);
  }

  private endArriving(move: MoveId, machine: TargetMachine): void {
    this.arriving.delete(move);
    machine.close();
    this.targets.delete(move);
  }

  // ── Owner ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private own(cell: Cell, move: MoveId, leaseUntilMs: number): void {
    const { id } = this.host;
    this.owners.get(cell.address)?.close();
    const isHome = homeOf(cell.address) === id.name;
    const until = isHome ? Number.POSITIVE_INFINITY : leaseUntilMs;
    const { state, effects } = createOwner({ actor: cell.address, move, self: id, home: homeOf(cell.address), epoch: cell.epoch, timings: defaultTimings }, until, this.host.options.clock.now());
    cell.leaseUntilMs = until;
    const machine: OwnerMachine = new Machine(
      state,
      (before, event) => {
        const step = stepOwner(before, event);
        cell.leaseUntilMs = step.state.leaseUntilMs;
        return step;
      },
      (effect) => this.carryOwner(cell, effect),
      (timer) => this.at({ type: 'timer', timer }) as OwnerEvent,
      this.host.options.clock,
    );
    this.owners.set(cell.address, machine);
    machine.begin(effects);
  }

  private carryOwner(cell: Cell, effect: Exclude<OwnerEffect, { type: 'startTimer' | 'stopTimer' }>): void {
    switch (effect.type) {
      case 'send':
        this.send(effect);
        return;
      case 'pause':
        cell.freeze();
        return;
      case 'resume':
        cell.thaw();
        return;
      case 'destroy':
        this.owners.get(cell.address)?.close();
        this.owners.delete(cell.address);
        this.host.leave(cell, effect.register.owner, effect.register.epoch);
        this.host.emit({ type: 'stopped', actor: cell.address, reason: `fenced: ${effect.register.owner.name} owns it at epoch ${effect.register.epoch}` });
    }
  }

  /** The machine of an actor that has run here since it was spawned is made when it first leaves. */
  private ownerOf(cell: Cell): void {
    if (!this.owners.has(cell.address)) this.own(cell, 'spawn' as MoveId, Number.POSITIVE_INFINITY);
  }

  // ── Home ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private homeOf(cell: Cell): void {
    if (homeOf(cell.address) === this.host.id.name) this.homeFor(cell.address);
  }

  private homeFor(address: string): HomeMachine | undefined {
    const known = this.homes.get(address);
    if (known !== undefined || homeOf(address) !== this.host.id.name || this.host.cell(address) === undefined) return known;
    const state = createHome(address, this.host.id, createRegister(this.host.id, defaultLeaseMs), defaultTimings);
    const machine: HomeMachine = new Machine(state, stepHome, (effect) => this.carryHome(address, machine, effect), (timer) => this.at({ type: 'timer', timer }) as HomeEvent, this.host.options.clock);
    this.homes.set(address, machine);
    return machine;
  }

  private carryHome(address: string, machine: HomeMachine, effect: Exclude<HomeEffect, { type: 'startTimer' | 'stopTimer' }>): void | Promise<void> {
    switch (effect.type) {
      case 'send':
        this.send(effect);
        return;
      case 'persist':
        // The register lives as long as this node: an in-memory home offers no durable mode (DESIGN §8).
        return;
      case 'restore':
        void this.recover(address, effect.base, effect.from).then(
          () => machine.feed(this.at({ type: 'restored' })),
          (thrown: unknown) => machine.feed(this.failed(thrown)),
        );
        return;
      case 'runHere': {
        const cell = this.recovering.get(address);
        if (cell === undefined) return;
        this.recovering.delete(address);
        cell.epoch = effect.epoch;
        beginIncarnation(cell, effect.incarnation);
        this.host.enter(cell);
        cell.run(cell.instance as Instance);
        this.own(cell, effect.move, Number.POSITIVE_INFINITY);
        this.host.emit({ type: 'restored', actor: address, lostNode: this.lostOwner.get(address) ?? '', epoch: effect.epoch, incarnation: effect.incarnation, turns: cell.turns });
        return;
      }
      case 'report':
        if (effect.report.type === 'tookOver') this.lostOwner.set(address, effect.report.from.name);
        this.host.options.logger.log(effect.report.type === 'tookOver' ? 'info' : 'error', `home.${effect.report.type}`, { actor: address, ...('reason' in effect.report ? { reason: effect.report.reason.message } : { from: effect.report.from.name, epoch: effect.report.epoch }) });
    }
  }
  private readonly lostOwner = new Map<string, string>();

  private async recover(address: string, base: Base, from: string): Promise<void> {
    const bytes = this.bases.get(base.hash) ?? (await this.host.options.transfer.obtain(from, base.hash));
    const capture = parseCapture(bytes);
    const cell = this.host.createCell(address, capture.protocol);
    restoreCell(cell, capture, this.host.now(), (timer, delayMs) => this.host.startTimer(timer, delayMs));
    const manifest = this.manifestOf(address);
    cell.manifest = manifest;
    const tier = manifest === undefined ? 'native' : this.homeTier(capture.protocol.definition, manifest);
    cell.instance = await this.host.createInstance(cell, tier, manifest, capture.instance);
    this.recovering.set(address, cell);
  }

  /** The manifest under which the actor left its home, for a home that has no native code. */
  private manifestOf(address: string): Manifest | undefined {
    for (const outgoing of this.outgoing.values()) if (outgoing.cell.address === address) return outgoing.manifest;
    return undefined;
  }

  // ── Both ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private send(effect: Send): void {
    if (effect.to === this.host.id.name) {
      this.receive(effect.message);
      return;
    }
    this.sendControl(effect.to, { type: 'migration', message: effect.message } as MigrationControl);
  }

  private sendControl(to: string, message: ControlMessage): void {
    this.host.routes.links.get(to)?.control(message);
  }

  private at<E extends object>(event: E): E & { nowMs: number } {
    return { ...event, nowMs: this.host.options.clock.now() };
  }

  private failed(thrown: unknown): { type: 'failed'; reason: ErrorValue; nowMs: number } {
    return this.at({ type: 'failed', reason: valueFromError(GodwitError.from(thrown), this.host.id.name) } as const);
  }
}

/** A message of the migration protocol on a link. */
export interface MigrationControl {
  readonly type: 'migration';
  readonly message: MigrationMessage;
}

/** owner → home: the actor between two turns. */
export interface CheckpointMessage {
  readonly type: 'checkpoint';
  readonly actor: string;
  readonly epoch: number;
  readonly hash: Hash;
  readonly turns: number;
  readonly bytes?: Uint8Array;
}

/** home → owner: it is kept. */
export interface CheckpointedMessage {
  readonly type: 'checkpointed';
  readonly actor: string;
  readonly hash: Hash;
}
