import { errorFromValue, GodwitError, valueFromError } from '../errors.js';
import {
  createSource,
  defaultTimings,
  type MigrationMessage,
  type MoveId,
  type MovePlan,
  type SourceEffect,
  type SourceEvent,
  type SourceReport,
  type SourceState,
  stepSource,
} from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';
import type { Instance } from '../ports/runtime.js';
import type { Span } from '../ports/tracer.js';
import type { Bases } from './bases.js';
import { captureCell, encodeCapture } from './capture.js';
import type { Cell } from './cell.js';
import type { ArrivedMessage } from './incoming-move.js';
import { Machine } from './machine.js';
import { at, deleteBlob, failure, inlineCaptureBytes, type MigrationHost } from './migration-host.js';
import type { MoveOptions, MoveReport } from './types.js';

/** What the target should reserve for a state nobody has measured yet. */
const expectedCaptureBytes = 1024 * 1024;

const defaultTrigger = 'application';

/** What an outgoing move needs beside its node. */
export interface OutgoingMoveContext {
  readonly bases: Bases;
  send(to: string, message: MigrationMessage): void;
  /** The source gives the actor out of its hands: its owner machine ends. */
  handOver(cell: Cell): void;
  /** The source won it back: a new owner machine begins. */
  own(cell: Cell, move: MoveId, leaseUntilMs: number): void;
  ended(move: MoveId): void;
}

/** The source's side of one move: carries the effects of its source machine out, and measures. */
export class OutgoingMove {
  readonly machine: Machine<SourceState, SourceEvent, SourceEffect>;
  private readonly models: ReadonlySet<Hash>;
  private readonly fromPlace: string;
  private readonly fromTier: Cell['tier'];
  private readonly startedAt: number;
  private frozenAt = 0;
  private arrival: ArrivedMessage | undefined;
  private held = false;
  private frozen = false;
  private bytes: Uint8Array | undefined;
  private hash: Hash | undefined;
  private state: Uint8Array | undefined;
  private stateHash = '';
  /** The target's last word is the report's; the copy may be dropped before it comes. */
  private done = false;
  private reported = false;
  private ran: { readonly epoch: number; readonly atMs: number } | undefined;
  private sentBytes = 0;
  private moduleBytes = 0;
  private modelBytes = 0;
  private warm = true;
  private settle!: { readonly resolve: (report: MoveReport) => void; readonly reject: (error: GodwitError) => void };
  readonly result: Promise<MoveReport>;
  private readonly span: Span | undefined;

  constructor(
    private readonly host: MigrationHost,
    private readonly context: OutgoingMoveContext,
    readonly cell: Cell,
    readonly manifest: Manifest,
    private readonly move: MoveId,
    private readonly options: MoveOptions,
  ) {
    this.models = new Set(Object.values(manifest.models));
    this.fromPlace = cell.instance?.place ?? '';
    this.fromTier = cell.tier;
    this.startedAt = host.options.clock.now();
    this.result = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.machine = new Machine(
      createSource(),
      stepSource,
      (effect) => this.carry(effect),
      (timer) => at(host, { type: 'timer', timer }) as SourceEvent,
      host.options.clock,
    );
    this.span = this.startSpan();
  }

  /** It tells the phases of the move as events, and its outcome. */
  private startSpan(): Span | undefined {
    const { cell, options } = this;
    const { tracer, name: node } = this.host.options;
    if (tracer === undefined) return undefined;
    const { definition } = cell.target.$protocol;
    const trigger = options.trigger ?? defaultTrigger;
    const span = tracer.start({ type: 'move', node, actor: cell.address, definition, to: options.to, trigger, epoch: cell.epoch }, tracer.active());
    this.result.then(
      ({ stallMs, totalMs, warm, to, bytes }) =>
        span.end({ fields: { stallMs, totalMs, warm, tier: to.tier, captureBytes: bytes.capture, moduleBytes: bytes.module + bytes.models } }),
      (thrown: unknown) => span.end({ error: valueFromError(GodwitError.from(thrown)) }),
    );
    return span;
  }

  /** Name of the target. */
  get to(): string {
    return this.options.to;
  }

  begin(target: { readonly node: string; readonly boot: string }): void {
    const { cell, manifest, options, move } = this;
    const { home, term } = this.host.directory.told(cell.address);
    const plan: MovePlan = {
      move,
      actor: cell.address,
      epoch: cell.epoch,
      source: this.host.id,
      target: { name: target.node, boot: target.boot },
      home,
      ...(term === 0 ? {} : { term }),
      manifest,
      ...(options.token === undefined ? {} : { token: options.token }),
      blobs: [manifest.program, ...this.models],
      expectedBytes: expectedCaptureBytes,
      timings: defaultTimings,
    };
    const giveUp = () => {
      const reason = new GodwitError('CANCELLED', `move of ${cell.address} to ${options.to} was given up by its caller`);
      this.machine.feed(at(this.host, { type: 'cancel', reason: valueFromError(reason, this.host.id.name) } as const));
    };
    options.signal?.addEventListener('abort', giveUp, { once: true });
    // Rejections are the caller's business.
    const unhook = () => options.signal?.removeEventListener('abort', giveUp);
    this.result.then(unhook, unhook);
    this.machine.feed(at(this.host, { type: 'begin', plan } as const));
  }

  /** The target's word on how it runs the actor; part of the report. */
  arrived(message: ArrivedMessage): void {
    this.arrival = message;
    this.succeedIfComplete();
  }

  /** The target cannot complete the report any more. */
  peerLost(peer: string): void {
    const { phase } = this.machine.state;
    if (peer !== this.options.to || this.reported || (this.ran === undefined && phase !== 'committed')) return;
    this.unheard();
    if (this.done) this.context.ended(this.move);
  }

  /** The actor was stopped under the move. */
  abandon(reason: string): void {
    const error = new GodwitError('ABORTED', reason);
    const { state } = this.machine;
    if (state.phase !== 'committed' && state.phase !== 'done')
      this.machine.feed(at(this.host, { type: 'cancel', reason: valueFromError(error, this.host.id.name) } as const));
    this.settle.reject(error);
    this.context.ended(this.move);
  }

  close(): void {
    this.machine.close();
    this.settle.reject(new GodwitError('CANCELLED', `node ${this.host.id.name} closed during the move of ${this.cell.address} to ${this.options.to}`));
  }

  private carry(effect: Exclude<SourceEffect, { type: 'startTimer' | 'stopTimer' }>): void {
    const { cell, host } = this;
    switch (effect.type) {
      case 'send':
        this.context.send(effect.to, effect.message);
        return;
      case 'offerBlobs':
        this.span?.event('blobs-wanted');
        this.feedAfter(this.offerBlobs(effect.to, effect.hashes));
        return;
      case 'freeze':
        this.span?.event('freezing');
        this.feedAfter(this.freeze());
        return;
      case 'thaw':
        this.span?.event('thawed');
        this.thaw();
        return;
      case 'sendCapture':
        this.span?.event('captured');
        this.feedAfter(this.sendCapture(effect.to, effect.message));
        return;
      case 'handOver':
        this.span?.event('proposed');
        this.context.handOver(cell);
        return;
      case 'activate':
        cell.epoch = effect.epoch;
        this.context.own(cell, this.move, effect.leaseUntilMs);
        host.routes.reopen(cell);
        this.thaw();
        return;
      case 'moved':
        host.leave(cell, effect.where, effect.epoch);
        return;
      case 'dropCopy':
        this.dropCopy();
        return;
      case 'report':
        this.report(effect.report);
    }
  }

  private feedAfter(work: Promise<SourceEvent | undefined>): void {
    work.then(
      (event) => event !== undefined && this.machine.feed(event),
      (thrown: unknown) => this.machine.feed(failure(this.host, thrown)),
    );
  }

  private async offerBlobs(to: string, hashes: readonly Hash[]): Promise<SourceEvent> {
    for (const hash of hashes) {
      const { length } = await this.host.options.blobs.get(hash);
      await this.host.options.transfer.offer(to, hash);
      if (this.models.has(hash)) this.modelBytes += length;
      else this.moduleBytes += length;
      this.warm = false;
    }
    return at(this.host, { type: 'blobsOffered' } as const);
  }

  private async freeze(): Promise<SourceEvent | undefined> {
    const { cell, host } = this;
    this.held = true;
    cell.hold();
    await cell.idle();
    if (cell.status !== 'running') throw new GodwitError('ABORTED', `actor ${cell.address} lost its instance, or was stopped, while it was about to move`);
    // The move may have been given up while the running turn took its time.
    if (this.machine.state.phase !== 'freezing') return undefined;
    this.frozenAt = host.options.clock.now();
    cell.freeze();
    this.frozen = true;
    this.span?.event('frozen');
    host.routes.detach(cell);
    // What it sent before it was captured is part of the capture; what it sends from now on waits for the move's end.
    const instance = await (cell.instance as Instance).capture(() => cell.outlet.release());
    this.bytes = encodeCapture(captureCell(cell, instance, host.now(), true));
    this.state = instance.state;
    this.sentBytes = this.bytes.length;
    const hash = await host.options.digest.sha256(this.bytes);
    // Or while it was captured and hashed.
    if (this.machine.state.phase !== 'freezing') return undefined;
    this.hash = hash;
    // A register that names it as the base goes to the disk together with it.
    this.context.bases.retain(cell.address, hash, this.bytes);
    return at(host, { type: 'frozen', capture: { hash, turns: cell.turns, sizeBytes: this.bytes.length } } as const);
  }

  /** Undoes as much of the freeze as had been done. */
  private thaw(): void {
    const { cell, host } = this;
    if (this.frozen) cell.thaw();
    if (this.held) cell.release();
    this.frozen = this.held = false;
    if (this.hash !== undefined) this.context.bases.release(this.hash);
    if (cell.detached) host.routes.attachAgain(cell);
  }

  private async sendCapture(to: string, message: Extract<MigrationMessage, { type: 'capture' }>): Promise<SourceEvent> {
    const bytes = this.bytes as Uint8Array;
    if (bytes.length <= inlineCaptureBytes) this.context.send(to, { ...message, bytes });
    else {
      await this.host.options.blobs.put(bytes);
      await this.host.options.transfer.offer(to, message.capture.hash);
      this.context.send(to, message);
    }
    // While the target restores: nothing waits for the report's hash.
    this.host.options.clock.soon(() => this.hashState());
    return at(this.host, { type: 'captureSent' } as const);
  }

  private hashState(): void {
    const { state } = this;
    this.state = undefined;
    if (state === undefined) return;
    this.host.options.digest.sha256(state).then(
      (hash) => {
        this.stateHash = hash;
        this.succeedIfComplete();
      },
      (thrown: unknown) => this.settle.reject(GodwitError.from(thrown)),
    );
  }

  private dropCopy(): void {
    const { cell, host, hash } = this;
    if (hash !== undefined) {
      this.context.bases.release(hash);
      if ((this.bytes?.length ?? 0) > inlineCaptureBytes) deleteBlob(host, hash);
    }
    this.bytes = undefined;
    // Where it is now the home knows.
    if (cell.status !== 'ended') host.leave(cell, { name: host.directory.homeOf(cell.address), boot: '' }, cell.epoch);
  }

  private report(report: SourceReport): void {
    const { cell, options } = this;
    switch (report.type) {
      case 'committed':
        // Its word that it runs comes in a round trip, or was lost with the link.
        if (this.host.routes.links.get(options.to)?.attached !== true) this.unheard();
        else this.host.options.clock.after(defaultTimings.readyTimeoutMs, () => this.ran === undefined && this.unheard());
        return;
      case 'running':
        if (report.heard) {
          this.span?.event('running');
          this.ran = { epoch: report.epoch, atMs: this.host.options.clock.now() };
          this.succeedIfComplete();
        } else this.unheard();
        return;
      case 'givenUp':
      case 'superseded': {
        const { node } = report.type === 'superseded' ? { node: report.register.owner.name } : { node: '' };
        const error =
          report.type === 'givenUp'
            ? errorFromValue(report.reason)
            : new GodwitError('ABORTED', `actor ${cell.address} is owned by ${node} at epoch ${report.register.epoch}`);
        this.host.emit({ type: 'move-failed', actor: cell.address, to: options.to, reason: error.message });
        this.settle.reject(error);
        this.context.ended(this.move);
        return;
      }
      case 'done':
        this.done = true;
        if (this.reported || this.ran === undefined) this.context.ended(this.move);
    }
  }

  /** It is there, or on its way home: here it is no more. */
  private unheard(): void {
    const { cell, options } = this;
    if (this.reported) return;
    this.reported = true;
    const error = new GodwitError('UNAVAILABLE', `actor ${cell.address} was handed to ${options.to}, which was not heard of again before a later epoch`);
    this.host.emit({ type: 'stopped', actor: cell.address, reason: error.message });
    this.settle.reject(error);
  }

  private succeedIfComplete(): void {
    const { ran, arrival } = this;
    if (ran === undefined || arrival === undefined || this.stateHash === '') return;
    const report: MoveReport = {
      move: this.move,
      actor: this.cell.address,
      from: { node: this.host.id.name, tier: this.fromTier, place: this.fromPlace },
      to: { node: this.options.to, tier: arrival.tier, place: arrival.place },
      trigger: this.options.trigger ?? defaultTrigger,
      epoch: ran.epoch,
      stallMs: ran.atMs - this.frozenAt,
      totalMs: ran.atMs - this.startedAt,
      bytes: { module: this.moduleBytes, capture: this.sentBytes, models: this.modelBytes },
      warm: this.warm,
      program: this.manifest.program,
      stateHash: { before: this.stateHash, after: arrival.stateHash },
    };
    this.reported = true;
    this.host.emit({ type: 'moved', report });
    this.settle.resolve(report);
    if (this.done) this.context.ended(this.move);
  }
}
