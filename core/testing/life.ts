import type { Due } from './agenda.js';

/** One life of a node, from its start to its crash. What is due for it waits while it is paused, and is dropped once it is dead. */
export class Life {
  status: 'running' | 'paused' | 'dead' = 'running';
  /** What came due during a pause, in order. */
  waiting: Due[] = [];

  /** @param number from 1 */
  constructor(
    readonly node: string,
    readonly number: number,
  ) {}

  get dead(): boolean {
    return this.status === 'dead';
  }
}
