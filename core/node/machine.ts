import type { Step } from '../migration/types.js';
import type { Cancel, Clock } from '../ports/clock.js';

type TimerEffect = { readonly type: 'startTimer'; readonly timer: string; readonly delayMs: number } | { readonly type: 'stopTimer'; readonly timer: string };

/** A pure machine of `core/migration` at work: feeds it events one at a time, carries its effects out in order, keeps its timers. */
export class Machine<S, Event, Effect extends { readonly type: string }> {
  private readonly events: Event[] = [];
  private readonly timers = new Map<string, Cancel>();
  private busy = false;

  /**
   * @param carry carries out one effect; a promise holds back the effects and events after it
   * @param timerEvent the event for a timer that fired
   */
  constructor(
    public state: S,
    private readonly step: (state: S, event: Event) => Step<S, Effect>,
    private readonly carry: (effect: Exclude<Effect, TimerEffect>) => void | Promise<void>,
    private readonly timerEvent: (timer: string) => Event,
    private readonly clock: Clock,
  ) {}

  feed(event: Event): void {
    this.events.push(event);
    if (!this.busy) this.run();
  }

  /** Carries out effects that came with the machine's creation. */
  begin(effects: readonly Effect[]): void {
    this.busy = true;
    this.carryAll(effects, 0);
  }

  close(): void {
    this.events.length = 0;
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
  }

  private run(): void {
    const event = this.events.shift();
    if (event === undefined) return;
    this.busy = true;
    const { state, effects } = this.step(this.state, event);
    this.state = state;
    this.carryAll(effects, 0);
  }

  private carryAll(effects: readonly Effect[], from: number): void {
    for (let index = from; index < effects.length; index++) {
      const done = this.carryOne(effects[index] as Effect);
      if (done === undefined) continue;
      void done.then(() => this.carryAll(effects, index + 1));
      return;
    }
    this.busy = false;
    this.run();
  }

  private carryOne(effect: Effect): Promise<void> | undefined {
    if (effect.type !== 'startTimer' && effect.type !== 'stopTimer') return this.carry(effect as Exclude<Effect, TimerEffect>) as Promise<void> | undefined;
    const timer = effect as unknown as TimerEffect;
    this.timers.get(timer.timer)?.();
    this.timers.delete(timer.timer);
    if (timer.type === 'startTimer') {
      const fire = () => {
        this.timers.delete(timer.timer);
        this.feed(this.timerEvent(timer.timer));
      };
      this.timers.set(timer.timer, this.clock.after(timer.delayMs, fire));
    }
    return undefined;
  }
}
