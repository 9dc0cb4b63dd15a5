import { encode, GodwitError, valueFromError } from '#core';
import { kinds, recordHeaderBytes, type Views } from '../guest/packed.js';
import { type BatchWriter, checkedRecordBytes, fullBatchBytes } from './batch.js';
import type { Engine } from './engine.js';
import { plainCodec } from './plain-codec.js';

/** What waits to be handed to a guest: a stretch of packed records, or a capture. */
type Delivery =
  | { readonly views: Views; at: number; readonly end: number }
  | { readonly resolve: (result: Uint8Array) => void; readonly reject: (error: GodwitError) => void };

// A larger inbox is given back after the record that needed it.
const keptInboxBytes = 1024 * 1024;

/** One guest in its worker: hands it what arrives, in order, and gathers what it emits. */
export class InsideInstance {
  private readonly queue: Delivery[] = [];
  records = 0;
  dead = false;

  constructor(
    readonly number: number,
    private readonly engine: Engine,
    private readonly out: BatchWriter,
    private readonly flush: () => void,
  ) {}

  get memoryBytes(): number {
    return this.engine.memoryBytes;
  }

  /** Begins the actor. @returns the guest's result */
  start(start: Uint8Array): Uint8Array {
    this.fit(start.length);
    this.engine.writeInbox(start);
    this.engine.call('start', start.length);
    const result = this.engine.takeResult();
    this.drain();
    return result;
  }

  deliver(views: Views, begin: number, end: number): void {
    if (!this.dead) this.queue.push({ views, at: begin, end });
  }

  capture(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.dead) reject(new GodwitError('UNAVAILABLE', 'the instance has died'));
      else this.queue.push({ resolve, reject });
    });
  }

  /** Works until nothing is left or `untilMs` has passed. @returns whether something is left. A guest that fails dies, and says so in the batch. */
  run(untilMs: number): boolean {
    try {
      return this.work(untilMs);
    } catch (thrown) {
      this.die(GodwitError.from(thrown, 'INTERNAL'));
      return false;
    }
  }

  private work(untilMs: number): boolean {
    for (;;) {
      const left = this.engine.pump(untilMs);
      this.drain();
      // A guest that never runs out of microtasks still hears what arrives, or it could not be aborted.
      const delivered = this.next();
      if (delivered === undefined && !left) return false;
      // The capture leaves in this task; what the guest emits from now on must not overtake it.
      if (delivered === 'capture') return true;
      if (performance.now() > untilMs) return true;
    }
  }

  private next(): 'record' | 'capture' | undefined {
    const [first] = this.queue;
    if (first === undefined) return undefined;
    if ('resolve' in first) {
      this.queue.shift();
      this.engine.call('capture', 0);
      first.resolve(this.engine.takeResult());
      this.drain();
      return 'capture';
    }
    const bytes = checkedRecordBytes(first.views, first.at, first.end);
    this.receive(first.views.u8.subarray(first.at, first.at + bytes));
    first.at += bytes;
    if (first.at >= first.end) this.queue.shift();
    return 'record';
  }

  private receive(record: Uint8Array): void {
    this.records += 1;
    const grown = this.fit(record.length);
    this.engine.writeInbox(record);
    this.engine.call('receive', 0);
    if (grown && this.engine.inboxBytes > keptInboxBytes) this.engine.reserve(keptInboxBytes);
  }

  private fit(bytes: number): boolean {
    if (bytes <= this.engine.inboxBytes) return false;
    this.engine.reserve(Math.max(bytes, 2 * recordHeaderBytes));
    return true;
  }

  private drain(): void {
    const packed = this.engine.takeOutbox();
    if (packed.length === 0) return;
    this.out.records(this.number, packed);
    if (this.out.bytes > fullBatchBytes) this.flush();
  }

  private die(error: GodwitError): void {
    this.dead = true;
    for (const delivery of this.queue.splice(0)) if ('reject' in delivery) delivery.reject(error);
    this.out.record(this.number, kinds.failed, 0, 0, 0, 0, encode(valueFromError(error), plainCodec));
  }
}
