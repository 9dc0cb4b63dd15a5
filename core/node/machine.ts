import type { Step } from '../migration/types.js';
import type { Cancel, Clock } from '../ports/clock.js';
import { longestDelayMs } from './timer-wheel.js';

type TimerEffect = { readonly type: 'startTimer'; readonly timer: string; readonly delayMs: number } | { readonly type: 'stopTimer'; readonly timer: string };

/** A pure machine of `core/migration` at work: feeds it events one at a time, carries its effects out in order, keeps its timers. */
export class Machine<S, Event, Effect extends { readonly type: string }> {
  private readonly events: Event[] = [];
  private readonly timers = new Map<string, Cancel>();
  private busy = false;
  private closed = false;

  /**
   * @param carry carries out one effect
   * @param timerEvent the event for a timer that fired
   */
  constructor(
    public state: S,
    private readonly step: (state: S, event: Event) => Step<S, Effect>,
    private readonly carry: (effect: Exclude<Effect, TimerEffect>) => void,
    private readonly timerEvent: (timer: string) => Event,
    private readonly clock: Clock,
  ) {}

  /** Takes an event in; one that comes while another is being handled waits its turn. What a step or an effect throws goes on to the caller. */
  feed(event: Event): void {
    if (this.closed) return;
    this.events.push(event);
    if (!this.busy) this.run();
  }

  /** Carries out effects that came with the machine's creation. */
  begin(effects: readonly Effect[]): void {
    for (const effect of effects) this.carryOut(effect);
  }

  /** Forgets what waits and stops the timers; later events change nothing. */
  close(): void {
    this.closed = true;
    this.events.length = 0;
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
  }

  private run(): void {
    this.busy = true;
    try {
      for (let event = this.events.shift(); event !== undefined; event = this.events.shift()) {
        const { state, effects } = this.step(this.state, event);
        this.state = state;
        for (const effect of effects) this.carryOut(effect);
      }
    } finally {
      this.busy = false;
      // A step threw: the events behind it are not its fault.
      if (this.events.length > 0) this.run();
    }
  }

  private carryOut(effect: Effect): void {
    if (effect.type !== 'startTimer' && effect.type !== 'stopTimer') {
      this.carry(effect as Exclude<Effect, TimerEffect>);
      return;
    }
    const { timer, ...rest } = effect as unknown as TimerEffect;
    this.timers.get(timer)?.();
    this.timers.delete(timer);
    if (rest.type === 'stopTimer' || this.closed) return;
    const fire = () => {
      this.timers.delete(timer);
      this.feed(this.timerEvent(timer));
    };
    this.timers.set(timer, this.clock.after(Math.min(rest.delayMs, longestDelayMs), fire));
  }
}
