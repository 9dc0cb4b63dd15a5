import type { GodwitError } from '../errors.js';
import type { Store } from '../ports/store.js';
import type { Life } from './life.js';
import type { Simulation } from './simulation.js';

/** How a simulated disk behaves. @public */
export interface DiskOptions {
  /** Milliseconds until a write is synced. Default 1. */
  readonly fsyncMs?: number;
  /** Up to so many milliseconds more, as the seed decides. Default 0. */
  readonly jitterMs?: number;
  /** What a crash leaves of writes that were not synced yet: nothing (default), or, as the seed decides, the first few of them. */
  readonly unsynced?: 'lost' | 'some';
}

interface PendingWrite {
  readonly changes: ReadonlyMap<string, Uint8Array | undefined>;
  readonly syncedAtUs: number;
}

const usPerMs = 1000;

/** The disk of a node, which outlives its crashes. Writes are synced in their order, each whole. */
export class SimulatedDisk {
  /** What is synced. */
  readonly content = new Map<string, Uint8Array>();
  /** What every write fails with, from now on until it is undefined again: a full or broken disk. */
  failure: GodwitError | undefined;
  private pending: PendingWrite[] = [];
  private lastSyncUs = 0;

  constructor(
    private readonly simulation: Simulation,
    private readonly node: string,
    private readonly options: DiskOptions,
  ) {}

  /** The disk as one life of its node sees it. */
  open(life: Life): Store {
    return { found: new Map(this.content), write: (changes) => this.write(life, changes) };
  }

  /** The node lost its power, or was killed: what is not synced is gone. */
  crash(): void {
    this.sync();
    const kept = this.options.unsynced === 'some' ? Math.floor(this.simulation.random.fraction() * (this.pending.length + 1)) : 0;
    for (const { changes } of this.pending.slice(0, kept)) this.apply(changes);
    this.pending = [];
  }

  private write(life: Life, changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const { simulation } = this;
    if (life.dead) return new Promise(() => {});
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const { fsyncMs = 1, jitterMs = 0 } = this.options;
    const latencyUs = Math.round((fsyncMs + jitterMs * (jitterMs === 0 ? 0 : simulation.random.fraction())) * usPerMs);
    const syncedAtUs = Math.max(this.lastSyncUs, simulation.nowUs + latencyUs);
    this.lastSyncUs = syncedAtUs;
    // The writer may go on to use its bytes.
    const copied = new Map([...changes].map(([key, bytes]) => [key, bytes?.slice()]));
    this.pending.push({ changes: copied, syncedAtUs });
    return new Promise((resolve) => {
      simulation.at(syncedAtUs, life, 'disk', () => {
        this.sync();
        simulation.trace.add(simulation.nowUs, this.node, 'synced');
        resolve();
      });
    });
  }

  /** Whatever is due by now has reached the disk, even if its writer is paused. */
  private sync(): void {
    const { nowUs } = this.simulation;
    const open = this.pending.findIndex(({ syncedAtUs }) => syncedAtUs > nowUs);
    for (const { changes } of this.pending.splice(0, open < 0 ? this.pending.length : open)) this.apply(changes);
  }

  private apply(changes: ReadonlyMap<string, Uint8Array | undefined>): void {
    for (const [key, bytes] of changes) {
      if (bytes === undefined) this.content.delete(key);
      else this.content.set(key, bytes);
    }
  }
}
