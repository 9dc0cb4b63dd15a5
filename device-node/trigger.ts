import type { Cancel, Clock } from '#core';
import type { MetricName, Readings } from '#runtimes/telemetry';

/** When a trigger's condition holds: a bound on one metric (an unavailable metric meets none), or any predicate on the readings. @public */
export type Condition =
  | ((readings: Readings) => boolean)
  | { readonly metric: MetricName; readonly below: number; readonly above?: undefined }
  | { readonly metric: MetricName; readonly above: number; readonly below?: undefined };

/** Timing of a trigger. @public */
export interface TriggerOptions {
  /** Milliseconds the condition must hold without a break; default 0. */
  readonly forMs?: number;
  /** Milliseconds after it fired during which it stays quiet; default 0. */
  readonly cooldownMs?: number;
}

/** What a trigger does. One that throws or rejects may fire again while its condition holds, once the cooldown has passed. @public */
export type Action = (readings: Readings) => void | Promise<void>;

/** Pause after an action failed, if the cooldown is shorter: a failing action must not spin. */
const minRetryMs = 1000;

/**
 * One watched condition.
 *
 *   idle ──holds──▶ holding ──forMs──▶ fired ──breaks──▶ idle
 *
 * It fires once for each time the condition begins to hold, and never within `cooldownMs` of the time before.
 */
export class Trigger {
  private readonly holds: (readings: Readings) => boolean;
  private readonly forMs: number;
  private readonly cooldownMs: number;
  private readings: Readings = new Map();
  private holdsSince: number | undefined;
  private quietUntil = Number.NEGATIVE_INFINITY;
  private fired = false;
  private closed = false;
  private cancelTimer: Cancel = () => {};

  constructor(
    condition: Condition,
    options: TriggerOptions,
    private readonly action: Action,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {
    this.holds = predicateOf(condition);
    this.forMs = options.forMs ?? 0;
    this.cooldownMs = options.cooldownMs ?? 0;
  }

  /** Judges new readings. */
  judge(readings: Readings): void {
    this.readings = readings;
    let holds = false;
    try {
      holds = this.holds(readings);
    } catch (thrown) {
      this.failed(thrown);
    }
    if (!holds) {
      this.holdsSince = undefined;
      this.fired = false;
      this.cancelTimer();
      return;
    }
    this.holdsSince ??= this.clock.now();
    this.fireWhenDue();
  }

  close(): void {
    this.closed = true;
    this.cancelTimer();
  }

  private fireWhenDue(): void {
    this.cancelTimer();
    if (this.closed || this.fired || this.holdsSince === undefined) return;
    const now = this.clock.now();
    const due = Math.max(this.holdsSince + this.forMs, this.quietUntil);
    if (now < due) {
      this.cancelTimer = this.clock.after(due - now, () => this.fireWhenDue());
      return;
    }
    this.fired = true;
    this.quietUntil = now + this.cooldownMs;
    this.act().catch((thrown: unknown) => this.actionFailed(thrown));
  }

  private async act(): Promise<void> {
    await this.action(this.readings);
  }

  private actionFailed(thrown: unknown): void {
    this.failed(thrown);
    this.quietUntil = Math.max(this.quietUntil, this.clock.now() + minRetryMs);
    this.fired = false;
    this.fireWhenDue();
  }
}

function predicateOf(condition: Condition): (readings: Readings) => boolean {
  if (typeof condition === 'function') return condition;
  const { metric, below, above } = condition;
  return (readings) => {
    const value = readings.get(metric)?.value;
    if (value === undefined) return false;
    return below === undefined ? value > above : value < below;
  };
}
