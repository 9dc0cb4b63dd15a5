import { createHash } from 'node:crypto';
import { type Clock, GodwitError, type Logger } from '#core';
import type { BaseImage } from './base-image.js';
import { compileEngine } from './engine-module.js';
import type { CompiledLimits } from './limits.js';
import { WorkerOutside } from './worker-outside.js';

/** Base images kept; each is the size of a loaded program, about 1 MB. The least recently used goes first. */
const maxImages = 64;
/** Workers lost within `lossWindowMs` after which no more are started: something is wrong with the host, not with guests. */
const maxLosses = 50;
const lossWindowMs = 60_000;

/** Pre-warmed worker threads that share one compiled engine, and the base images of the programs seen so far. */
export class ScriptPool {
  private workers: WorkerOutside[] = [];
  private readonly images = new Map<string, Promise<BaseImage>>();
  private readonly ready: Promise<void>;
  private readonly losses: number[] = [];
  private module: WebAssembly.Module | undefined;
  private closed = false;

  constructor(
    private readonly size: number,
    private readonly limits: CompiledLimits,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.ready = compileEngine(limits.memoryBytes).then((module) => {
      this.module = module;
      while (!this.closed && this.workers.length < this.size) this.start(module);
    });
    // Reported to whoever creates an instance.
    this.ready.catch(() => undefined);
  }

  get threadIds(): readonly number[] {
    return this.workers.map((worker) => worker.threadId);
  }

  get all(): readonly WorkerOutside[] {
    return this.workers;
  }

  /** The worker with the fewest instances. @throws {GodwitError} UNAVAILABLE closed, or workers keep dying */
  async place(): Promise<WorkerOutside> {
    await this.ready;
    let best: WorkerOutside | undefined;
    for (const worker of this.workers) if (best === undefined || worker.instances.size < best.instances.size) best = worker;
    if (best === undefined)
      throw new GodwitError('UNAVAILABLE', this.closed ? 'the script runtime is closed' : 'the script runtime has no worker thread: they keep dying');
    return best;
  }

  /** The base image of a program, made once. @throws {GodwitError} INVALID_ARGUMENT the program does not load */
  image(program: Uint8Array, name: string): Promise<BaseImage> {
    const key = createHash('sha256').update(program).digest('hex');
    const known = this.images.get(key);
    this.images.delete(key);
    const image = known ?? this.place().then(async (worker) => ({ ...(await worker.image(program, `${name}@${key.slice(0, 12)}`)), program: key }));
    this.images.set(key, image);
    // What failed may succeed the next time, on another worker.
    image.catch(() => this.images.delete(key));
    for (const oldest of this.images.keys()) {
      if (this.images.size <= maxImages) break;
      this.images.delete(oldest);
    }
    return image;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.ready.catch(() => undefined);
    const workers = this.workers;
    this.workers = [];
    await Promise.all(workers.map((worker) => worker.shutDown()));
  }

  private start(module: WebAssembly.Module): void {
    this.workers.push(new WorkerOutside(module, this.limits, this.clock, this.logger, (worker) => this.replace(worker)));
  }

  private replace(lost: WorkerOutside): void {
    this.workers = this.workers.filter((worker) => worker !== lost);
    const nowMs = this.clock.now();
    while (this.losses.length > 0 && nowMs - this.losses[0] > lossWindowMs) this.losses.shift();
    this.losses.push(nowMs);
    if (!this.closed && this.module !== undefined && this.losses.length <= maxLosses) this.start(this.module);
  }
}
