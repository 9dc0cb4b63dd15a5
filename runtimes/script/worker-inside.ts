// Inside half of a pool worker: many guests in one thread. Its border: batches and control calls come in by the one port, batches and
// control answers leave by it; the outside half watches the heartbeat.
//
// W1  What guests emit leaves as one batch per task, and before the answer of a control call that it precedes.
// W2  No guest holds the thread longer than a slice: what is left goes on in a later task, after the port was heard.
import { setImmediate } from 'node:timers';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { expose, transfer } from 'comlink';
import { GodwitError } from '#core';
import type { BaseImage, LoadedImage } from './base-image.js';
import { BatchWriter, readBatch } from './batch.js';
import { heartbeat, type WorkerControl, type WorkerSetup, type WorkerStats } from './control.js';
import { keepErrorIdentity } from './control-errors.js';
import { Engine, type EntryObserver } from './engine.js';
import { InsideInstance } from './inside-instance.js';
import type { CompiledLimits } from './limits.js';
import { splitPort } from './worker-port.js';

/** Milliseconds a guest may work while others wait (W2). */
const sliceMs = 10;

class InsideWorker implements WorkerControl {
  private readonly instances = new Map<number, InsideInstance>();
  private readonly ready = new Set<InsideInstance>();
  private readonly out = new BatchWriter();
  private spare: { readonly program: string; readonly engine: Engine } | undefined;
  private scheduled = false;
  private records = 0;

  constructor(
    private readonly setup: WorkerSetup,
    private readonly post: (batch: ArrayBuffer) => void,
  ) {}

  image(program: Uint8Array, name: string): LoadedImage {
    return Engine.image(this.setup.module, program, name, this.setup.limits, this.observer(0));
  }

  prepare(image: BaseImage): void {
    if (this.spare?.program === image.program) return;
    this.spare = { program: image.program, engine: Engine.restore(this.setup.module, image, this.setup.limits, this.observer(0)) };
  }

  create(instance: number, image: BaseImage, limits: CompiledLimits, address: string, start: Uint8Array): Uint8Array {
    try {
      const engine = this.engineFor(instance, image);
      engine.hold(limits);
      const inside = new InsideInstance(instance, engine, this.out, () => this.flush());
      const result = inside.start(start);
      this.instances.set(instance, inside);
      this.wake(inside);
      return transfer(result, [result.buffer as ArrayBuffer]);
    } catch (thrown) {
      const error = GodwitError.from(thrown, 'RESOURCE_EXHAUSTED');
      throw new GodwitError(error.code, `the guest of ${address} does not start: ${error.message}`, { cause: error, retryable: error.retryable });
    }
  }

  async capture(instance: number): Promise<Uint8Array> {
    const inside = this.instances.get(instance);
    if (inside === undefined) throw new GodwitError('UNAVAILABLE', 'the instance has died or was closed');
    const captured = inside.capture();
    this.wake(inside);
    const result = await captured;
    this.flush(); // W1
    return transfer(result, [result.buffer as ArrayBuffer]);
  }

  close(instance: number): void {
    const inside = this.instances.get(instance);
    if (inside === undefined) return;
    this.instances.delete(instance);
    this.ready.delete(inside);
    this.records += inside.records;
  }

  stats(): WorkerStats {
    let memoryBytes = 0;
    let { records } = this;
    for (const inside of this.instances.values()) {
      memoryBytes += inside.memoryBytes;
      records += inside.records;
    }
    return { threadId, instances: this.instances.size, memoryBytes, records };
  }

  onBatch(batch: ArrayBuffer): void {
    readBatch(batch, (instance, views, begin, end) => {
      const inside = this.instances.get(instance);
      if (inside === undefined) return; // closed, or dead and said so
      inside.deliver(views, begin, end);
      this.ready.add(inside);
    });
    Atomics.add(this.setup.heartbeat, heartbeat.batches, 1);
    if (!this.scheduled) this.work();
  }

  private engineFor(instance: number, image: BaseImage): Engine {
    const { spare } = this;
    if (spare?.program !== image.program) return Engine.restore(this.setup.module, image, this.setup.limits, this.observer(instance));
    this.spare = undefined;
    spare.engine.observer = this.observer(instance);
    return spare.engine;
  }

  private wake(inside: InsideInstance): void {
    this.ready.add(inside);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.work();
    });
  }

  private work(): void {
    for (const inside of [...this.ready]) {
      const left = inside.run(performance.now() + sliceMs);
      if (!left) this.ready.delete(inside);
      if (inside.dead) this.close(inside.number);
    }
    this.flush();
    if (this.ready.size > 0) this.schedule();
  }

  private flush(): void {
    if (!this.out.empty) this.post(this.out.take());
  }

  private observer(instance: number): EntryObserver {
    const beat = this.setup.heartbeat;
    return {
      entered() {
        Atomics.store(beat, heartbeat.instance, instance);
        Atomics.add(beat, heartbeat.entries, 1);
      },
      left() {
        Atomics.add(beat, heartbeat.entries, 1);
      },
    };
  }
}

if (parentPort !== null) {
  const port = parentPort;
  keepErrorIdentity();
  const worker = new InsideWorker(workerData as WorkerSetup, (batch) => port.postMessage(batch, [batch]));
  const endpoint = splitPort(port, (batch) => worker.onBatch(batch));
  expose(
    {
      image: (program, name) => worker.image(program, name),
      prepare: (image) => worker.prepare(image),
      create: (instance, image, limits, address, start) => worker.create(instance, image, limits, address, start),
      capture: (instance) => worker.capture(instance),
      close: (instance) => worker.close(instance),
      stats: () => worker.stats(),
    } satisfies WorkerControl,
    endpoint,
  );
}
