import type { Step } from '../migration/types.js';
import type { Cancel, Clock } from '../ports/clock.js';
import { longestDelayMs } from './timer-wheel.js';

type TimerEffect = { readonly type: 'startTimer'; readonly timer: string; readonly delayMs: number } | { readonly type: 'stopTimer'; readonly timer: string };

/**
 * A pure machine of `core/migration` at work: feeds it events one at a time, carries its effects out in order, keeps its timers. An effect
 * that takes time (a register on its way to the disk) is finished before those after it, and the next event, begin.
 */
export class Machine<S, Event, Effect extends { readonly type: string }> {
  private readonly events: Array<{ readonly event: Event; readonly timer: string | undefined }> = [];
  /** Effects of the last step that are not carried out yet. */
  private effects: readonly Effect[] = [];
  private readonly waiting: Array<() => void> = [];
  private readonly timers = new Map<string, Cancel>();
  private busy = false;
  private closed = false;

  /**
   * @param carry carries out one effect; a promise it returns is waited for, and never rejects
   * @param timerEvent the event for a timer that fired
   */
  constructor(
    public state: S,
    private readonly next: (state: S, event: Event) => Step<S, Effect>,
    private readonly carry: (effect: Exclude<Effect, TimerEffect>) => void | Promise<void>,
    private readonly timerEvent: (timer: string) => Event,
    private readonly clock: Clock,
  ) {}

  /** Takes an event in; one that comes while another is being handled waits its turn. What a step or an effect throws goes on to the caller. */
  feed(event: Event): void {
    this.enqueue(event, undefined);
  }

  /** Resolves when what it was fed so far is carried out, and safe where that takes time. */
  idle(): Promise<void> {
    return this.busy ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
  }

  /** Carries out effects that came with the machine's creation. */
  begin(effects: readonly Effect[]): void {
    this.effects = effects;
    this.run();
  }

  /** Forgets the events that wait and stops the timers; later events change nothing. The effects of a step under way are carried out. */
  close(): void {
    this.closed = true;
    this.events.length = 0;
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
  }

  private enqueue(event: Event, timer: string | undefined): void {
    if (this.closed) return;
    this.events.push({ event, timer });
    if (!this.busy) this.run();
  }

  private run(): void {
    this.busy = true;
    try {
      do {
        while (this.effects.length > 0) {
          const [effect, ...rest] = this.effects as [Effect, ...Effect[]];
          this.effects = rest;
          const carried = this.carryOut(effect);
          if (carried !== undefined) {
            // Who fed the event is gone by then: what the next one throws has no caller to go to.
            carried.then(() => this.run()).catch(() => undefined);
            return;
          }
        }
      } while (this.step());
      this.busy = false;
      for (const resolve of this.waiting.splice(0)) resolve();
    } catch (thrown) {
      this.busy = false;
      this.effects = [];
      // A step or an effect threw: the events behind it are not its fault.
      if (this.events.length > 0) this.run();
      throw thrown;
    }
  }

  /** @returns false if no event waits */
  private step(): boolean {
    const first = this.events.shift();
    if (first === undefined) return false;
    const { state, effects } = this.next(this.state, first.event);
    this.state = state;
    this.effects = effects;
    return true;
  }

  private carryOut(effect: Effect): Promise<void> | undefined {
    if (effect.type !== 'startTimer' && effect.type !== 'stopTimer') return this.carry(effect as Exclude<Effect, TimerEffect>) ?? undefined;
    const { timer, ...rest } = effect as unknown as TimerEffect;
    this.stopTimer(timer);
    if (rest.type === 'stopTimer' || this.closed) return undefined;
    const fire = () => {
      this.timers.delete(timer);
      this.enqueue(this.timerEvent(timer), timer);
    };
    this.timers.set(timer, this.clock.after(Math.min(rest.delayMs, longestDelayMs), fire));
    return undefined;
  }

  /** One that has fired already, and waits its turn behind what stops it, must not be heard any more. */
  private stopTimer(timer: string): void {
    this.timers.get(timer)?.();
    this.timers.delete(timer);
    const fired = this.events.findIndex((waiting) => waiting.timer === timer);
    if (fired >= 0) this.events.splice(fired, 1);
  }
}
