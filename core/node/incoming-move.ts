import { GodwitError } from '../errors.js';
import {
  createTarget,
  type MigrationMessage,
  type MoveId,
  type PrepareMessage,
  stepTarget,
  type TargetEffect,
  type TargetEvent,
  type TargetState,
} from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance } from '../ports/runtime.js';
import { parseCapture, restoreCell, ungranted } from './capture.js';
import type { Cell } from './cell.js';
import { originOf } from './directory.js';
import { Machine } from './machine.js';
import { at, failure, type MigrationHost, sendControl } from './migration-host.js';
import { checkModule } from './signed-manifest.js';

/** target → source: how it runs the actor. Follows RUNNING. */
export interface ArrivedMessage {
  readonly type: 'arrived';
  readonly move: string;
  readonly tier: Tier;
  readonly place: string;
  /** SHA-256 of the state that the new instance holds (I7). */
  readonly stateHash: string;
}

/** What an incoming move needs beside its node. */
export interface IncomingMoveContext {
  send(to: string, message: MigrationMessage): void;
  own(cell: Cell, move: MoveId, leaseUntilMs: number): void;
  /** The actor runs here, from these bytes. */
  running(cell: Cell, hash: Hash, bytes: Uint8Array): void;
  /** Whoever was let in is believed who keeps its register. */
  admitted(prepare: PrepareMessage): void;
  ended(move: MoveId): void;
}

/** The target's side of one move: carries the effects of its target machine out. */
export class IncomingMove {
  readonly machine: Machine<TargetState, TargetEvent, TargetEffect>;
  private tier: Tier;
  private cell: Cell | undefined;
  private instance: Instance | undefined;
  private bytes: Uint8Array | undefined;
  private hash: Hash | undefined;
  private stateHash: Promise<string> | undefined;
  /** The move is off, or the node closed: an instance that is still being made must not stay. */
  private discarded = false;

  constructor(
    private readonly host: MigrationHost,
    private readonly context: IncomingMoveContext,
    private readonly move: MoveId,
    readonly actor: string,
    private readonly manifest: Manifest,
    private readonly source: string,
  ) {
    this.tier = manifest.tier;
    this.machine = new Machine(
      createTarget(host.id),
      stepTarget,
      (effect) => this.carry(effect),
      (timer) => at(host, { type: 'timer', timer }) as TargetEvent,
      host.options.clock,
    );
  }

  close(): void {
    this.machine.close();
    if (this.machine.state.phase !== 'running') this.discard();
  }

  private carry(effect: Exclude<TargetEffect, { type: 'startTimer' | 'stopTimer' }>): void {
    switch (effect.type) {
      case 'send':
        this.send(effect.to, effect.message);
        return;
      case 'reserve':
        this.feedAfter(this.reserve(effect.prepare));
        return;
      case 'obtainBlobs':
        this.feedAfter(this.obtainBlobs(effect.from, effect.hashes));
        return;
      case 'warm':
        this.feedAfter(this.warm());
        return;
      case 'restore':
        this.feedAfter(this.restore(effect.message));
        return;
      case 'run':
        this.run(effect.epoch, effect.leaseUntilMs);
        return;
      case 'discard':
        this.discard();
        this.context.ended(this.move);
        return;
      case 'refuse':
        this.host.options.logger.log('warn', 'migration.refused', { node: this.host.id.name, code: effect.reason.code, reason: effect.reason.message });
    }
  }

  private feedAfter(work: Promise<TargetEvent>): void {
    const { logger } = this.host.options;
    work
      .catch((thrown: unknown) => failure(this.host, thrown))
      .then((event) => this.machine.feed(event))
      .catch((thrown: unknown) => logger.log('error', 'migration.failed', { actor: this.actor, move: this.move, reason: GodwitError.from(thrown).message }));
  }

  private discard(): void {
    this.discarded = true;
    this.instance?.close();
  }

  private send(to: string, message: MigrationMessage): void {
    const { cell, instance } = this;
    if (message.type !== 'running' || cell === undefined || instance === undefined) {
      this.context.send(to, message);
      return;
    }
    this.context.send(to, message);
    this.context.running(cell, this.hash as Hash, this.bytes as Uint8Array);
    this.context.ended(this.move);
    const { move, host } = this;
    const tell = (stateHash: string) => {
      const arrived: ArrivedMessage = { type: 'arrived', move, tier: instance.tier, place: instance.place, stateHash };
      sendControl(host, to, arrived);
    };
    this.hashState();
    this.stateHash?.then(tell, () => tell(''));
  }

  /** I7: the hash of what the new instance holds, not of what came; taken before its first turn. */
  private hashState(): void {
    if (this.stateHash !== undefined || this.discarded) return;
    this.stateHash = this.captureHash(this.instance as Instance);
    // Whoever tells the hash says what a failure means; there may be nobody.
    this.stateHash.catch(() => undefined);
  }

  private async captureHash(instance: Instance): Promise<string> {
    return this.host.options.digest.sha256((await instance.capture()).state);
  }

  private async reserve(prepare: PrepareMessage): Promise<TargetEvent> {
    const { host } = this;
    const { definition, version } = prepare.manifest;
    const request = {
      move: prepare.move,
      address: prepare.actor,
      definition,
      version,
      manifest: prepare.manifest,
      token: prepare.token ?? '',
      source: prepare.from.name,
    };
    if (originOf(prepare.actor) === host.id.name) this.tier = host.knowsNatively(definition) ? 'native' : prepare.manifest.tier;
    else if (host.options.admit === undefined) throw new GodwitError('PERMISSION_DENIED', `node ${host.id.name} admits no actors of other nodes`);
    else this.tier = (await host.options.admit(request)).tier;
    await checkModule(host, prepare.actor, this.manifest, this.tier);
    this.context.admitted(prepare);
    const missing: Hash[] = [];
    for (const hash of this.tier === 'native' ? [] : prepare.blobs) if (!(await host.options.blobs.has(hash))) missing.push(hash);
    return at(host, { type: 'reserved', missing } as const);
  }

  private async obtainBlobs(from: string, hashes: readonly Hash[]): Promise<TargetEvent> {
    for (const hash of hashes) await this.host.options.transfer.obtain(from, hash);
    return at(this.host, { type: 'blobsObtained' } as const);
  }

  private async warm(): Promise<TargetEvent> {
    if (this.tier !== 'native') {
      const runtime = this.host.options.runtimes.find((candidate) => candidate.tier === this.tier);
      if (runtime === undefined) throw new GodwitError('UNIMPLEMENTED', `node ${this.host.id.name} runs no ${this.tier} tier`);
      await runtime.warm({ manifest: this.manifest, program: await this.host.options.blobs.get(this.manifest.program) });
    }
    return at(this.host, { type: 'instanceWarmed' } as const);
  }

  private async restore(message: Extract<MigrationMessage, { type: 'capture' }>): Promise<TargetEvent> {
    const { host } = this;
    const bytes = message.bytes ?? (await host.options.transfer.obtain(message.from.name, message.capture.hash));
    const hash = await host.options.digest.sha256(bytes);
    if (hash === message.capture.hash) {
      const capture = parseCapture(bytes);
      const cell = host.createCell(message.actor, capture.protocol);
      cell.manifest = this.manifest;
      restoreCell(cell, capture, host.now(), false);
      const instance = await host.createInstance(cell, this.tier, this.manifest, ungranted(capture.instance));
      if (this.discarded) {
        instance.close();
        throw new GodwitError('CANCELLED', `move ${this.move} of ${this.actor} was given up while its instance was being made`);
      }
      this.instance = instance;
      this.cell = cell;
      this.bytes = bytes;
      this.hash = hash;
      cell.lastCapture = capture.instance;
      // READY goes first: the stall waits for it.
      host.options.clock.soon(() => this.hashState());
    }
    return at(host, { type: 'restored', hash } as const);
  }

  private run(epoch: number, leaseUntilMs: number): void {
    const { cell, instance, host } = this;
    if (cell === undefined || instance === undefined) return;
    cell.epoch = epoch;
    this.hashState();
    host.enter(cell);
    this.context.own(cell, this.move, leaseUntilMs);
    cell.run(instance);
    for (const { ask, upTo } of cell.lastCapture?.streams ?? []) instance.more(ask, upTo);
    host.emit({ type: 'arrived', actor: cell.address, from: this.source, tier: instance.tier, place: instance.place, epoch });
  }
}
