// The device of a run: its process, life after life with the same data directory.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GodwitError } from '#core';
import type { Sending } from './check.js';
import { Child, type Guardian } from './child.js';
import type { Chronicle } from './chronicle.js';
import { type Answers, type DeviceOrder, type DeviceSetup, machineMs, type News } from './orders.js';

/** What a device needs of its run. */
export interface DeviceSurroundings {
  readonly guardian: Guardian;
  readonly chronicle: Chronicle;
  /** A process ended that nobody killed. */
  died(how: string): void;
  /** A move or a recall begins. */
  moving(edge: string): void;
  /** The device runs since then. */
  started(atMs: number): void;
}

/** It tells one every 200 ms: those of a lease and its takeover. */
const latenessesKept = 15;

export class Device {
  /** The most that its process ran a timer late, milliseconds: on a busy machine takeovers are that much later. */
  worstLatenessMs = 0;
  private readonly latenesses: number[] = [];
  /** What former lives of the application had sent. */
  readonly past: Sending[] = [];
  private present: readonly Sending[] = [];
  private lives = 0;
  private child: Child | undefined;

  constructor(
    private readonly setup: Omit<DeviceSetup, 'application' | 'dataDir'>,
    private readonly surroundings: DeviceSurroundings,
  ) {}

  get name(): string {
    return this.setup.name;
  }

  /** Entries that its application sent, all lives together. */
  get sent(): number {
    return [...this.past, ...this.present].reduce((sum, { upTo, atLeast }) => sum + (upTo ?? atLeast), 0);
  }

  /** The most that its process ran a timer late in the last seconds, milliseconds. */
  get latenessMs(): number {
    return Math.max(0, ...this.latenesses);
  }

  async start(): Promise<void> {
    const { guardian, chronicle, died, started } = this.surroundings;
    const dataDir = join(chronicle.folder, this.name);
    mkdirSync(dataDir, { recursive: true });
    const child = new Child(this.name, 'device', guardian, chronicle.errors, { onNews: (news) => this.heard(news), onDied: died });
    this.lives += 1;
    started(machineMs());
    await child.ask({ type: 'start', setup: { ...this.setup, dataDir, application: `application-${this.lives}` } });
    started(machineMs());
    this.child = child;
  }

  async kill(): Promise<void> {
    await this.child?.kill();
    this.child = undefined;
    // Nobody knows how far it came: what it sent beyond the last answer is handled or not, in order.
    this.past.push(...this.present.map((sending) => ({ ...sending, upTo: undefined })));
    this.present = [];
  }

  /** @throws {GodwitError} UNAVAILABLE it is down · UNKNOWN whatever it answered */
  async ask<O extends DeviceOrder>(order: O): Promise<Answers[O['type']]> {
    if (this.child === undefined) throw new GodwitError('UNAVAILABLE', `${this.name} is down`);
    return this.child.ask(order);
  }

  private heard(news: News): void {
    const { chronicle, moving } = this.surroundings;
    switch (news.type) {
      case 'event':
        chronicle.saw({ node: this.name, atMs: news.atMs, event: news.event });
        return;
      case 'moving':
        chronicle.note('moving', { courier: news.courier, edge: news.edge });
        moving(news.edge);
        return;
      case 'progress':
        this.present = news.sendings;
        this.worstLatenessMs = Math.max(this.worstLatenessMs, news.latenessMs);
        this.latenesses.push(news.latenessMs);
        if (this.latenesses.length > latenessesKept) this.latenesses.shift();
    }
  }
}
