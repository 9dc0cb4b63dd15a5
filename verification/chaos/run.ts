// One run of chaos: starts everything, torments the edges and moves the couriers until it is enough, heals, settles, checks.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Durability, GodwitError } from '#core';
import { check, checkReads, type Observed, type Sending, type StreamTally, type Tally, type Violation } from './check.js';
import { type Guardian, startGuardian } from './child.js';
import { Chronicle, type Seen } from './chronicle.js';
import { Device } from './device.js';
import { Edge } from './edge.js';
import { breaksLink, type DeviceFault, type EdgeFault, plan, planForDevice, silences, suffer } from './faults.js';
import { LatenessLog, watchDisk, watchLateness } from './lateness.js';
import { machineMs } from './orders.js';
import { type Seeded, seeded } from './seeded.js';
import { isOnTime, type SlowTakeover, Takeovers, takeoverLimitMs } from './takeovers.js';

/** How long and by what chance. */
export interface RunOptions {
  readonly seed: number;
  /** Of the couriers. The device is killed only if they are durable. */
  readonly durability: Durability;
  readonly minutes: number;
  /** Ends the run earlier; default: none. */
  readonly faults: number;
}

/** Every kind of fault. */
export type Fault = EdgeFault | DeviceFault;

/** What a run found. */
export interface Outcome {
  readonly faults: Readonly<Record<string, number>>;
  readonly moves: { readonly done: number; readonly failed: Readonly<Record<string, number>> };
  readonly tally: Tally;
  readonly streams: StreamTally;
  /** Takeovers beyond the limit, also where the machine was. */
  readonly slow: readonly SlowTakeover[];
  readonly violations: readonly Violation[];
  readonly seconds: number;
}

const tiers = ['script', 'native', 'native'] as const;
const courierCount = 5;
/** Each courier and the application send to every courier this often. */
const tickMs = 50;
/** How long a healed link may take to be there: an edge that starts on a busy machine, a device that is down meanwhile, the longest pause between two dials. */
const regainMs = 60_000;
/** Between two faults of the device. */
const deviceRestMs = { least: 3000, most: 9000 };
const noStreams: StreamTally = { opened: 0, items: 0, lost: 0, repeated: 0, failed: {} };

export class Run {
  readonly chronicle = new Chronicle();
  readonly takeovers = new Takeovers();
  readonly faults = new Map<Fault, number>();
  readonly counts = { moved: 0, restored: 0, reexecuted: 0, gaps: 0 };
  private readonly violations: Violation[] = [];
  private readonly failed = new Map<string, number>();
  private readonly restored = new Map<string, number>();
  private readonly gaps = new Map<string, number>();
  private readonly enough = new AbortController();
  private readonly stirred = new Map<string, () => void>();
  /** Of the driver itself: all that nodes say to each other passes its relays. */
  private readonly lateness = new LatenessLog();
  private readonly unwatch = watchLateness((lateness) => this.lateness.note(lateness));
  private readonly disk = new LatenessLog();
  private readonly leaveDisk = watchDisk(join(this.chronicle.folder, 'probe'), (lateness) => this.disk.note(lateness));
  private readonly guardian: Guardian = startGuardian();
  private readonly edges: Edge[] = [];
  private device: Device | undefined;
  private closing = false;
  private beganMs = machineMs();

  constructor(private readonly options: RunOptions) {
    this.chronicle.watch((seen) => this.count(seen));
  }

  get total(): number {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }

  get sent(): number {
    return this.device?.sent ?? 0;
  }

  get seconds(): number {
    return (machineMs() - this.beganMs) / 1000;
  }

  /** The most that a timer was late in the device and in the driver, and that one small write took, milliseconds. */
  get worstLatenessMs(): { readonly device: number; readonly driver: number; readonly disk: number } {
    return { device: this.device?.lateness.worstMs ?? 0, driver: this.lateness.worstMs, disk: this.disk.worstMs };
  }

  /** @throws {GodwitError} whatever kept it from starting */
  async go(): Promise<Outcome> {
    const device = await this.start();
    this.beganMs = machineMs();
    const timer = setTimeout(() => this.enough.abort(), this.options.minutes * 60_000);
    const couriers = courierNames();
    await Promise.all([...this.edges.map((edge) => this.torment(edge)), ...couriers.map((courier) => this.carry(courier, device)), this.tormentDevice(device)]);
    clearTimeout(timer);
    const seconds = this.seconds;
    const { tally, streams } = await this.settle(device);
    const slow = this.judgeTakeovers(device);
    return {
      faults: Object.fromEntries(this.faults),
      moves: { done: this.counts.moved, failed: Object.fromEntries(this.failed) },
      tally,
      streams,
      slow,
      violations: this.violations,
      seconds,
    };
  }

  /** Kills every process of the run. Idempotent. */
  async close(): Promise<void> {
    this.closing = true;
    this.unwatch();
    await this.leaveDisk();
    this.enough.abort();
    await this.guardian.close();
    await Promise.all(this.edges.map((edge) => edge.close()));
    await this.device?.kill();
    await this.chronicle.close();
  }

  private async start(): Promise<Device> {
    const { seed, durability } = this.options;
    const { guardian, chronicle } = this;
    const key = randomBytes(16).toString('hex');
    const died = (how: string) => {
      if (!this.closing) this.violated('process', how);
    };
    // Each links to those before it.
    for (const tier of tiers) this.edges.push(await Edge.start(`edge-${this.edges.length + 1}`, tier, seed, this.edges, { guardian, chronicle, key, died }));
    const urls = this.edges.map(({ relayed }) => relayed.url);
    const device = new Device(
      { name: 'robot', key, edges: urls, couriers: courierNames(), durability, tickMs },
      {
        guardian,
        chronicle,
        died,
        moving: (edge) => this.stirred.get(edge)?.(),
        started: (atMs) => this.takeovers.homeStarted(atMs),
        wentOn: (atMs) => this.takeovers.homeWentOn(atMs),
      },
    );
    this.device = device;
    const linked = this.edges.map(({ name }) => this.linkUp(name));
    await device.start();
    await Promise.all(linked);
    return device;
  }

  // ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async torment(edge: Edge): Promise<void> {
    const random = seeded(this.options.seed, edge.name);
    while (!this.enough.signal.aborted) {
      await this.wait(random.between(40, 260));
      if (random.share() < 0.5) await this.aim(edge, random);
      if (this.enough.signal.aborted) return;
      const fault = plan(random);
      const linked = breaksLink(fault.kind) ? this.linkUp(edge.name) : undefined;
      const atMs = machineMs();
      this.chronicle.note('fault', { edge: edge.name, ...fault }, atMs);
      if (silences(fault)) this.takeovers.silent(edge.name, atMs);
      await suffer(edge, fault);
      await (linked ?? this.hear(edge));
      if (silences(fault)) this.takeovers.heard(edge.name, machineMs());
      this.chronicle.note('healed', { edge: edge.name, kind: fault.kind });
      this.suffered(fault.kind);
    }
  }

  /** Waits until a courier moves to or from the edge, for a fault in the middle of it. */
  private async aim(edge: Edge, random: Seeded): Promise<void> {
    const moving = new Promise<void>((resolve) => this.stirred.set(edge.name, resolve));
    await Promise.race([moving, this.wait(400)]);
    await this.wait(random.between(0, 30));
  }

  private async tormentDevice(device: Device): Promise<void> {
    const random = seeded(this.options.seed, device.name);
    for (;;) {
      await this.wait(random.between(deviceRestMs.least, deviceRestMs.most));
      if (this.enough.signal.aborted) return;
      // Only what is on disk outlives the device.
      const { kind, lastsMs } = planForDevice(random, this.options.durability === 'volatile');
      this.chronicle.note('fault', { kind, lastsMs });
      if (kind === 'device kill -9') {
        await device.kill();
        await pause(lastsMs);
        await device.start();
      } else {
        await device.pause(lastsMs);
      }
      this.chronicle.note('healed', { kind });
      this.suffered(kind);
    }
  }

  private suffered(kind: Fault): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    if (this.total >= this.options.faults) this.enough.abort();
  }

  /** Resolves when the device has a new link to the edge. */
  private async linkUp(edge: string): Promise<void> {
    const limit = AbortSignal.timeout(regainMs);
    const seen = await this.chronicle.next(({ node, event }) => node === this.device?.name && event.type === 'link-up' && event.peer === edge, limit);
    if (seen === undefined) this.violated('stuck', `no link to ${edge} within ${regainMs} ms`);
  }

  /** Resolves when the edge answers the device again. */
  private async hear(edge: Edge): Promise<void> {
    const untilMs = machineMs() + regainMs;
    while (machineMs() < untilMs) {
      const heard = await this.device?.ask({ type: 'hear', url: edge.relayed.url }).catch(() => false);
      if (heard === true) return;
      await pause(50);
    }
    this.violated('stuck', `${edge.name} did not answer within ${regainMs} ms`);
  }

  // ── Moves ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async carry(courier: string, device: Device): Promise<void> {
    const random = seeded(this.options.seed, courier);
    while (!this.enough.signal.aborted) {
      await this.wait(random.between(20, 300));
      const [edge, byOffer, acceptAfterMs, stays] = [random.pick(this.edges), random.share() < 0.3, random.between(0, 100), random.share() < 0.4];
      try {
        const { node } = await device.ask({ type: 'whereabouts', courier });
        if (node !== device.name) {
          if (!stays) await device.ask({ type: 'recall', courier });
        } else if (byOffer) {
          await device.ask({ type: 'offload', courier, edge: edge.name, acceptAfterMs });
        } else {
          const token = await edge.expect(`${device.name}/${courier}`, this.options.durability, device.name);
          await device.ask({ type: 'move', courier, edge: edge.name, token });
        }
      } catch (thrown) {
        this.notMoved(courier, edge.name, GodwitError.from(thrown).message);
      }
    }
  }

  /** A move that a fault prevents is no violation; what becomes of the courier is checked at the end. */
  private notMoved(courier: string, edge: string, reason: string): void {
    this.chronicle.note('not-moved', { courier, edge, reason });
    const code = reason.split(':')[0];
    this.failed.set(code, (this.failed.get(code) ?? 0) + 1);
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async settle(device: Device): Promise<{ tally: Tally; streams: StreamTally }> {
    this.chronicle.note('settling', {});
    try {
      const { reports, sendings, reads } = await device.ask({ type: 'settle' });
      this.chronicle.note('settled', { reports });
      const observed: Observed = { restored: this.restored, gaps: this.gaps };
      const applications: Sending[] = [...device.past, ...sendings];
      const { tally, violations } = check(this.options.durability, reports, applications, observed);
      const read = checkReads(this.options.durability, [...device.pastReads, ...reads], observed);
      this.violations.push(...violations, ...read.violations);
      return { tally, streams: read.streams };
    } catch (thrown) {
      await this.noteActors(device);
      this.violated('stuck', `the couriers did not come to rest: ${GodwitError.from(thrown).message}`);
      return { tally: { sent: device.sent, handled: 0, lost: 0, duplicated: 0, reordered: 0, uncertain: 0 }, streams: noStreams };
    }
  }

  private judgeTakeovers(device: Device): SlowTakeover[] {
    const logs = [device.lateness, this.lateness, this.disk];
    const slow = this.takeovers.slow((fromMs, untilMs) => Math.max(...logs.map((log) => log.between(fromMs, untilMs))));
    for (const takeover of slow) {
      const { courier, edge, tookMs, atMs, latenessMs } = takeover;
      this.chronicle.note('slow-takeover', { courier, edge, tookMs, latenessMs }, atMs);
      if (isOnTime(takeover))
        this.violated('takeover', `${courier} ran at home ${Math.round(tookMs)} ms after ${edge} was lost; the limit is ${takeoverLimitMs} ms`);
    }
    return slow;
  }

  /** Where everybody is, for whoever looks into it. */
  private async noteActors(device: Device): Promise<void> {
    const lists = [
      { name: device.name, list: () => device.ask({ type: 'list' }) },
      ...this.edges.map((edge) => ({ name: edge.name, list: () => edge.list() })),
    ];
    for (const { name, list } of lists) this.chronicle.note('actors', { node: name, actors: await list().catch(() => []) });
  }

  private count({ node, atMs, event }: Seen): void {
    switch (event.type) {
      case 'restored': {
        // A device that was killed restores what it owned itself: no edge was lost.
        if (event.lostNode === node) return;
        const name = nameOf(event.actor);
        this.counts.restored += 1;
        this.restored.set(name, (this.restored.get(name) ?? 0) + 1);
        const takeover = this.takeovers.restored(name, event.lostNode, atMs);
        if (takeover !== undefined) this.chronicle.note('takeover', { ...takeover });
        return;
      }
      case 'arrived':
        this.takeovers.arrived(nameOf(event.actor), node, atMs);
        return;
      case 'moved':
        if (node === this.device?.name) this.counts.moved += 1;
        return;
      case 'reexecuted':
        this.counts.reexecuted += 1;
        return;
      case 'gap': {
        const name = nameOf(event.actor);
        this.counts.gaps += event.lost;
        this.gaps.set(name, (this.gaps.get(name) ?? 0) + event.lost);
        return;
      }
      default:
    }
  }

  private violated(kind: Violation['kind'], what: string): void {
    this.violations.push({ kind, what });
    this.chronicle.note('violation', { kind, reason: what });
  }

  /** Waits, unless it is enough. */
  private async wait(delayMs: number): Promise<void> {
    await pause(delayMs, undefined, { signal: this.enough.signal }).catch(() => undefined);
  }
}

function courierNames(): string[] {
  return Array.from({ length: courierCount }, (_, index) => `courier-${index + 1}`);
}

/** The last part of an address. */
function nameOf(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1);
}
