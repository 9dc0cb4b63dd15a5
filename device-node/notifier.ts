// The paper's Notifier: what the device measures, and the triggers the application hangs on it. It knows nothing of offloading.
import { type Cancel, type Clock, GodwitError, type Logger, silentLogger } from '#core';
import { type MetricName, type MetricSource, metricUnits, type Reading, type Readings, readMetrics } from '#runtimes/telemetry';
import { type Action, type Condition, Trigger, type TriggerOptions } from './trigger.js';

/** What a notifier is made of. @public */
export interface NotifierOptions {
  readonly clock: Clock;
  readonly sources: readonly MetricSource[];
  /** Milliseconds between two samples, ≥ 10; default 1000. */
  readonly sampleEveryMs?: number;
  readonly logger?: Logger;
}

/** The device's metrics and triggers. @public */
export interface Notifier {
  /** The newest readings; empty before the first sample. */
  readonly readings: Readings;
  /** Samples now, beside the regular samples. */
  sample(): Promise<Readings>;
  /** Puts a simulated value in place of a metric's source, until `unset`; triggers judge it at once. @throws {GodwitError} INVALID_ARGUMENT unknown metric or no finite number */
  set(metric: MetricName, value: number): void;
  /** Lets the metric's source speak again, from the next sample. */
  unset(metric: MetricName): void;
  /** Runs `action` each time `condition` begins to hold. @throws {GodwitError} INVALID_ARGUMENT unknown metric or negative time */
  when(condition: Condition, options: TriggerOptions, action: Action): Cancel;
  when(condition: Condition, action: Action): Cancel;
  /** Calls `listener` after every sample and `set`. */
  observe(listener: (readings: Readings) => void): Cancel;
  /** Ends sampling and every trigger; idempotent. */
  close(): void;
}

/** The shortest interval between samples: the kernel counts CPU time in ticks of 10 ms. */
const minSampleMs = 10;

/** Starts sampling. @throws {GodwitError} INVALID_ARGUMENT `sampleEveryMs` out of range @public */
export function createNotifier(options: NotifierOptions): Notifier {
  const sampleEveryMs = options.sampleEveryMs ?? 1000;
  if (!(sampleEveryMs >= minSampleMs))
    throw new GodwitError('INVALID_ARGUMENT', `notifier: sampleEveryMs must be at least ${minSampleMs}, not ${sampleEveryMs}`);
  return new SamplingNotifier(options, sampleEveryMs);
}

class SamplingNotifier implements Notifier {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly simulated = new Map<MetricName, number>();
  private readonly triggers = new Set<Trigger>();
  private readonly listeners = new Set<(readings: Readings) => void>();
  private current: Map<MetricName, Reading> = new Map();
  private cancelTimer: Cancel = () => {};
  private closed = false;

  constructor(
    private readonly options: NotifierOptions,
    private readonly sampleEveryMs: number,
  ) {
    this.clock = options.clock;
    this.logger = options.logger ?? silentLogger;
    this.sampleAgain();
  }

  get readings(): Readings {
    return this.current;
  }

  async sample(): Promise<Readings> {
    const readings = await readMetrics(this.options.sources, this.clock.now());
    for (const metric of this.simulated.keys()) readings.set(metric, this.simulatedReading(metric));
    this.publish(readings);
    return readings;
  }

  set(metric: MetricName, value: number): void {
    checkMetric(metric);
    if (!Number.isFinite(value)) throw new GodwitError('INVALID_ARGUMENT', `notifier: ${metric} must be set to a finite number, not ${value}`);
    this.simulated.set(metric, value);
    this.publish(new Map(this.current).set(metric, this.simulatedReading(metric)));
  }

  unset(metric: MetricName): void {
    if (!this.simulated.delete(metric)) return;
    const readings = new Map(this.current);
    readings.delete(metric);
    this.publish(readings);
  }

  when(condition: Condition, optionsOrAction: TriggerOptions | Action, maybeAction?: Action): Cancel {
    const [options, action] = typeof optionsOrAction === 'function' ? [{}, optionsOrAction] : [optionsOrAction, maybeAction as Action];
    if (typeof condition !== 'function') checkMetric(condition.metric);
    for (const [name, ms] of Object.entries(options)) {
      if (!(ms >= 0)) throw new GodwitError('INVALID_ARGUMENT', `notifier: ${name} of a trigger must be at least 0, not ${ms}`);
    }
    const trigger = new Trigger(condition, options, action, this.clock, (thrown) => {
      this.logger.log('warn', 'trigger.failed', { reason: GodwitError.from(thrown).message });
    });
    this.triggers.add(trigger);
    if (this.current.size > 0) trigger.judge(this.current);
    return () => {
      trigger.close();
      this.triggers.delete(trigger);
    };
  }

  observe(listener: (readings: Readings) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.closed = true;
    this.cancelTimer();
    for (const trigger of this.triggers) trigger.close();
    this.triggers.clear();
    this.listeners.clear();
  }

  private sampleAgain(): void {
    const next = () => {
      if (!this.closed) this.cancelTimer = this.clock.after(this.sampleEveryMs, () => this.sampleAgain());
    };
    this.sample().then(next, (thrown: unknown) => {
      this.logger.log('error', 'notifier.sample-failed', { reason: GodwitError.from(thrown).message });
      next();
    });
  }

  private publish(readings: Map<MetricName, Reading>): void {
    if (this.closed) return;
    this.current = readings;
    for (const trigger of [...this.triggers]) trigger.judge(readings);
    for (const listener of [...this.listeners]) listener(readings);
  }

  private simulatedReading(metric: MetricName): Reading {
    return { metric, unit: metricUnits[metric], atMs: this.clock.now(), value: this.simulated.get(metric) as number, simulated: true };
  }
}

function checkMetric(metric: MetricName): void {
  if (!Object.hasOwn(metricUnits, metric))
    throw new GodwitError('INVALID_ARGUMENT', `notifier: no metric '${metric}'; there are ${Object.keys(metricUnits).join(', ')}`);
}
