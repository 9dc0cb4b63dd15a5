import type { Supervision } from '../actors/definition.js';

/** How often an actor was reset of late: its definition bounds it. */
export class Resets {
  private at: number[] = [];

  constructor(private readonly supervise: Supervision = {}) {}

  /** Counts one. @returns false if the definition's restart intensity is used up */
  mayBeOneMore(now: number): boolean {
    const { maxResets = 10, withinMs = 60_000 } = this.supervise;
    this.at = this.at.filter((time) => now - time < withinMs);
    this.at.push(now);
    return this.at.length <= maxResets;
  }
}
