// Outside half of a pool worker: owns the thread, sends batches, calls its control interface, and ends it when a guest is stuck.
//
// W3  A lost worker takes its instances with it: the guest to blame fails DEADLINE_EXCEEDED, its neighbours UNAVAILABLE and retryable.
// W4  Control calls never hang: losing the worker rejects them.
import { Worker } from 'node:worker_threads';
import { type Remote, wrap } from 'comlink';
import { type Clock, GodwitError, type Logger } from '#core';
import type { BaseImage, LoadedImage } from './base-image.js';
import { BatchWriter, fullBatchBytes, readBatch } from './batch.js';
import { heartbeat, type WorkerControl, type WorkerSetup, type WorkerStats } from './control.js';
import { keepErrorIdentity } from './control-errors.js';
import { loadMs } from './engine.js';
import type { CompiledLimits } from './limits.js';
import type { Residence, ScriptInstance } from './script-instance.js';
import { Watchdog } from './watchdog.js';
import { splitPort } from './worker-port.js';

/** V8's stack for the thread: with it every recursion attack became an error of the guest (FACTS §4). */
const stackSizeMb = 4;

export class WorkerOutside implements Residence {
  readonly threadId: number;
  readonly maxRecordBytes: number;
  readonly instances = new Map<number, ScriptInstance>();
  /** Settles when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>;
  private readonly beat = new Int32Array(new SharedArrayBuffer(heartbeat.words * 4));
  private readonly worker: Worker;
  private readonly control: Remote<WorkerControl>;
  private readonly out = new BatchWriter();
  private readonly watchdog: Watchdog;
  private readonly calls = new Set<(error: GodwitError) => void>();
  private scheduled = false;
  private batchesSent = 0;
  private loss: GodwitError | undefined;
  private culprit: number | undefined;

  /** @param onLost called once when the thread ended without `close` */
  constructor(
    module: WebAssembly.Module,
    private readonly limits: CompiledLimits,
    clock: Clock,
    private readonly logger: Logger,
    private readonly onLost: (worker: WorkerOutside) => void,
  ) {
    keepErrorIdentity();
    this.maxRecordBytes = limits.maxRecordBytes;
    const setup: WorkerSetup = { module, limits, heartbeat: this.beat };
    this.worker = new Worker(new URL('./worker-inside.js', import.meta.url), {
      workerData: setup,
      resourceLimits: { stackSizeMb },
      stdout: false,
      stderr: false,
    });
    this.threadId = this.worker.threadId;
    this.control = wrap<WorkerControl>(splitPort(this.worker, (batch) => this.onBatch(batch)));
    this.watchdog = new Watchdog(
      {
        beat: this.beat,
        busy: () => this.calls.size > 0 || Atomics.load(this.beat, heartbeat.batches) !== (this.batchesSent | 0),
        allowedMs: (instance) => (instance === 0 ? loadMs : (this.instances.get(instance)?.limits ?? limits).segmentMs) + limits.marginMs,
        stuck: (instance) => this.stuck(instance),
      },
      clock,
      Math.max(5, limits.marginMs / 4),
    );
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.lose(new GodwitError('UNAVAILABLE', `worker thread ${this.threadId} of the script runtime ended`));
        resolve();
      });
    });
    this.worker.on('error', (thrown) =>
      this.lose(new GodwitError('UNAVAILABLE', `worker thread ${this.threadId} of the script runtime failed: ${thrown.message}`, { cause: thrown })),
    );
    // After the listeners, each of which holds the process again.
    this.hold();
  }

  image(program: Uint8Array, name: string): Promise<LoadedImage> {
    return this.called(() => this.control.image(program, name));
  }

  prepare(image: BaseImage): Promise<void> {
    return this.called(() => this.control.prepare(image));
  }

  async create(instance: ScriptInstance, image: BaseImage, start: Uint8Array): Promise<Uint8Array> {
    this.instances.set(instance.number, instance);
    try {
      return await this.called(() => this.control.create(instance.number, image, instance.limits, instance.address, start));
    } catch (thrown) {
      this.instances.delete(instance.number);
      throw thrown;
    }
  }

  send(instance: number, kind: number, ask: number, amount: number, word: number, target: number, payload: Uint8Array | undefined): void {
    if (this.loss !== undefined || !this.instances.has(instance)) return;
    this.out.record(instance, kind, ask, amount, word, target, payload);
    if (this.out.bytes > fullBatchBytes) this.flush();
    else if (!this.scheduled) {
      this.scheduled = true;
      queueMicrotask(() => {
        this.scheduled = false;
        this.flush();
      });
    }
  }

  capture(instance: number): Promise<Uint8Array> {
    this.flush();
    return this.called(() => this.control.capture(instance));
  }

  close(instance: number): void {
    if (!this.instances.delete(instance) || this.loss !== undefined) return;
    this.called(() => this.control.close(instance)).catch((thrown: unknown) =>
      this.logger.log('debug', 'script.close-unheard', { thread: this.threadId, reason: String(thrown) }),
    );
  }

  stats(): Promise<WorkerStats> {
    return this.called(() => this.control.stats());
  }

  /** Ends the thread; its instances end without a word, as when each is closed. */
  async shutDown(): Promise<void> {
    this.lose(new GodwitError('UNAVAILABLE', 'the script runtime was closed'), true);
    await this.worker.terminate();
    await this.ended;
  }

  private flush(): void {
    if (this.out.empty || this.loss !== undefined) return;
    const batch = this.out.take();
    this.batchesSent += 1;
    this.worker.postMessage(batch, [batch]);
    this.watchdog.wake();
  }

  private onBatch(batch: ArrayBuffer): void {
    readBatch(batch, (number, views, begin, end) => {
      const instance = this.instances.get(number);
      instance?.carryOut(views, begin, end);
      if (instance?.ended !== true) return;
      this.instances.delete(number);
      this.hold();
    });
  }

  /** An idle worker lets the process end; one with instances, a call under way or its own end still to come holds it. */
  private hold(): void {
    if (this.loss !== undefined || this.instances.size > 0 || this.calls.size > 0) this.worker.ref();
    else this.worker.unref();
  }

  private called<T>(call: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.loss !== undefined) {
        reject(this.loss);
        return;
      }
      this.calls.add(reject);
      this.hold();
      call()
        .then(resolve, reject)
        .finally(() => {
          this.calls.delete(reject);
          this.hold();
        });
      this.watchdog.wake();
    });
  }

  private stuck(instance: number): void {
    this.culprit = instance;
    const culprit = this.instances.get(instance);
    const blamed = culprit?.address ?? 'a program while it was loaded';
    const { segmentMs } = culprit?.limits ?? this.limits;
    this.logger.log('warn', 'script.worker-terminated', { thread: this.threadId, instance: blamed, segmentMs });
    this.lose(new GodwitError('UNAVAILABLE', `worker thread ${this.threadId} was ended because of ${blamed}, stuck inside the engine`));
    this.worker.terminate().catch((thrown: unknown) => this.logger.log('error', 'script.worker-lingers', { thread: this.threadId, reason: String(thrown) }));
  }

  // W3, W4
  private lose(error: GodwitError, expected = false): void {
    if (this.loss !== undefined) return;
    this.loss = error;
    this.watchdog.close();
    for (const [number, instance] of expected ? [] : this.instances) {
      const { segmentMs } = instance.limits;
      instance.lost(
        number === this.culprit
          ? new GodwitError('DEADLINE_EXCEEDED', `a segment of ${instance.address} ran past its ${segmentMs} ms inside the engine; its thread was ended`, {
              retryable: false,
              details: { segmentMs },
            })
          : error,
      );
    }
    this.instances.clear();
    const reason = this.culprit === 0 ? new GodwitError('INVALID_ARGUMENT', `a program did not load within ${loadMs} ms`) : error;
    for (const reject of this.calls) reject(reason);
    this.calls.clear();
    if (!expected) this.onLost(this);
  }
}
