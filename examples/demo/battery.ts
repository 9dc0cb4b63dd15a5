import type { Notifier } from '#device-node';

/** Below it detection is offloaded. */
export const lowCharge = 0.2;
/** Above it detection is recalled. */
export const chargedCharge = 0.5;

const firstCharge = 0.53;
/** How far beyond a threshold a stay ends. */
const beyond = 0.01;
const emptyCharge = 0.03;

/**
 * A simulated battery: at the device detection drains it, and while detection is away the robot stands at a charger. It runs by frames, not
 * by time, so that the story is the same on every machine: each stay crosses its threshold after `stayFrames` frames.
 */
export class SimulatedBattery {
  charge = firstCharge;
  private step = 0;

  constructor(
    private readonly notifier: Notifier,
    private readonly stayFrames: number,
  ) {
    this.settle(true);
  }

  /** Detection begins a stay. @param draining at the device */
  settle(draining: boolean): void {
    const target = draining ? lowCharge - beyond : chargedCharge + beyond;
    this.step = (target - this.charge) / this.stayFrames;
  }

  /** A frame was answered. May set off a trigger before it returns. */
  frame(): void {
    this.charge = Math.min(1, Math.max(emptyCharge, this.charge + this.step));
    this.notifier.set('battery', this.charge);
  }
}
