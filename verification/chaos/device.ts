// The device of a run: its process, life after life with the same data directory.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { GodwitError } from '#core';
import type { Sending } from './check.js';
import { Child, type Guardian } from './child.js';
import type { Chronicle } from './chronicle.js';
import { LatenessLog } from './lateness.js';
import { type Answers, type DeviceOrder, type DeviceSetup, machineMs, type News } from './orders.js';
import type { Read } from './reader.js';

/** What a device needs of its run. */
export interface DeviceSurroundings {
  readonly guardian: Guardian;
  readonly chronicle: Chronicle;
  /** A process ended that nobody killed. */
  died(how: string): void;
  /** A move or a recall begins. */
  moving(edge: string): void;
  /** A life of the device began then. */
  started(atMs: number): void;
  /** It was stopped until then. */
  wentOn(atMs: number): void;
}

export class Device {
  readonly lateness = new LatenessLog();
  /** What former lives of the application had read. */
  readonly pastReads: Read[] = [];
  private reads: readonly Read[] = [];
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
    // Where they were then says who had answered.
    for (const { from, to, atLeast, answeredAtMs } of this.present)
      if (atLeast > 0) this.surroundings.chronicle.note('last-answer', { from, courier: to, number: atLeast }, answeredAtMs);
    // Nobody knows how far it came: what it sent beyond the last answer is handled or not, in order.
    this.past.push(...this.present.map((sending) => ({ ...sending, upTo: undefined })));
    this.present = [];
    this.pastReads.push(...this.reads);
    this.reads = [];
  }

  /** Stops its process for a while. */
  async pause(lastsMs: number): Promise<void> {
    const ended = this.lateness.stopped(machineMs());
    this.child?.signal('SIGSTOP');
    await pause(lastsMs);
    this.child?.signal('SIGCONT');
    const atMs = machineMs();
    ended(atMs);
    this.surroundings.wentOn(atMs);
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
        this.reads = news.reads;
        return;
      case 'lateness':
        this.lateness.note(news);
    }
  }
}
