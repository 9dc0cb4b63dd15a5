// The heart of a world: virtual time, what is due, and the drive that lets it happen.
//
// S1 Between two dues every microtask has run, so a node has done all it does at a moment before anything else happens to it.
// S2 What happens for a life that is paused waits; for one that is dead it is dropped. Nothing a dead life does becomes due.
// S3 Time only passes in `run`, in whole microseconds.
import { GodwitError } from '../errors.js';
import { Agenda, Due, type DueKind } from './agenda.js';
import type { Life } from './life.js';
import { afterMacrotask, afterMicrotasks } from './microtasks.js';
import { Sfc32 } from './sfc32.js';
import { Trace } from './trace.js';

/** Dues after which the platform has its chance: signals, a test runner's own timers. */
const duesBetweenMacrotasks = 1024;
/** Dues of one moment: more than any real load has; a node that never lets time pass is a loop. */
const maxDuesAtOnce = 100_000;

/** How a run ended. */
export type RunEnd = 'stopped' | 'time is up' | 'nothing is due';

export class Simulation {
  nowUs = 0;
  /** Hears of every frame that comes to a node, before the node does: a schedule strikes there. */
  frameArrives: ((from: string, to: string, frame: Uint8Array) => void) | undefined;
  /** What the network and the disks draw from; every life of a node has its own. */
  readonly random: Sfc32;
  readonly trace: Trace;
  private readonly agenda = new Agenda();
  private running = false;
  private duesSinceMacrotask = 0;
  private duesNow = 0;

  constructor(
    readonly seed: number,
    keepsLines: boolean,
  ) {
    this.random = new Sfc32(seed, 'world');
    this.trace = new Trace(keepsLines);
  }

  /** How much is due, some of it cancelled. */
  get dues(): number {
    return this.agenda.length;
  }

  /** Makes `task` due at a time that is not over. */
  at(atUs: number, life: Life | undefined, kind: DueKind, task: () => void): Due {
    const due = new Due(atUs, 0, life, kind, task);
    if (life?.status !== 'dead') this.agenda.add(due);
    return due;
  }

  /** What waited for a paused life comes due now. The seed decides whether its timers or its links come first: after a pause both are late. */
  wake(life: Life): void {
    const waiting = life.waiting.splice(0);
    const timersFirst = this.random.fraction() < 0.5;
    for (const timers of [timersFirst, !timersFirst]) {
      for (const due of waiting) {
        if ((due.kind === 'timer') !== timers) continue;
        due.atUs = this.nowUs;
        this.agenda.addOverdue(due);
      }
    }
  }

  /**
   * Lets everything happen that is due until `untilUs`, or until `stop` says so; it is asked whenever all microtasks have run.
   * @throws {GodwitError} FAILED_PRECONDITION it runs already · INTERNAL a node threw where nobody catches · RESOURCE_EXHAUSTED time stands still
   */
  run(untilUs: number, stop: () => boolean): Promise<RunEnd> {
    if (this.running)
      return Promise.reject(this.error('FAILED_PRECONDITION', 'this world is running already: await the call before, or settle several promises as one'));
    this.running = true;
    return new Promise<RunEnd>((resolve, reject) => {
      const end = (how: RunEnd) => {
        this.running = false;
        resolve(how);
      };
      const step = () => {
        try {
          if (stop()) return end('stopped');
          const due = this.next(untilUs);
          if (due === undefined) return end(this.agenda.length === 0 ? 'nothing is due' : 'time is up');
          this.happen(due);
        } catch (thrown) {
          this.running = false;
          reject(
            GodwitError.is(thrown) && thrown.details !== undefined
              ? thrown
              : this.error('INTERNAL', `a node threw where nobody catches: ${String(thrown)}`, thrown),
          );
          return;
        }
        this.later(step);
      };
      this.later(step);
    });
  }

  /** An error of the world, with what is needed to see it again. */
  error(code: ConstructorParameters<typeof GodwitError>[0], message: string, cause?: unknown): GodwitError {
    const atMs = this.nowUs / 1000;
    const where = `seed ${this.seed}, at ${atMs} virtual ms`;
    return new GodwitError(code, `${message} (${where})`, { cause, retryable: false, details: { seed: this.seed, atMs } });
  }

  /** Lets time pass in which nothing is due. */
  pass(untilUs: number): void {
    this.nowUs = Math.max(this.nowUs, untilUs);
    this.duesNow = 0;
  }

  private later(step: () => void): void {
    this.duesSinceMacrotask += 1;
    if (this.duesSinceMacrotask < duesBetweenMacrotasks) afterMicrotasks(step);
    else {
      this.duesSinceMacrotask = 0;
      afterMacrotask(step);
    }
  }

  /** The next due that really happens. */
  private next(untilUs: number): Due | undefined {
    for (let due = this.agenda.peek(); due !== undefined && due.atUs <= untilUs; due = this.agenda.peek()) {
      this.agenda.shift();
      if (due.task === undefined || due.life?.status === 'dead') continue;
      if (due.life?.status !== 'paused') return due;
      due.life.waiting.push(due);
    }
    return undefined;
  }

  private happen(due: Due): void {
    if (due.atUs > this.nowUs) this.pass(due.atUs);
    this.duesNow += 1;
    if (this.duesNow > maxDuesAtOnce)
      throw this.error(
        'RESOURCE_EXHAUSTED',
        `more than ${maxDuesAtOnce} things happened at one moment, the last on ${due.life?.node ?? 'the network'}: a loop in which no time passes`,
      );
    const task = due.task as () => void;
    due.task = undefined;
    task();
  }
}
