import { GodwitError } from '../errors.js';
import type { AcceptPipe, Pipe } from '../ports/transport.js';
import type { Life } from './life.js';
import { SimulatedPipe } from './simulated-pipe.js';
import type { Simulation } from './simulation.js';

/** How a simulated link behaves. @public */
export interface LinkOptions {
  /** Milliseconds to the other node and back. Default 10. */
  readonly rttMs?: number;
  /** Up to so many milliseconds more each way, as the seed decides; frames stay in order. Default 0. */
  readonly jitterMs?: number;
  /** Bytes per second each way; default: no bound. */
  readonly bytesPerSecond?: number;
  /** Milliseconds after which an end of a silently cut link gives up; each end takes up to half as long again, as the seed decides. Default 1000. */
  readonly detectMs?: number;
}

/** One end of a link: a node, in whichever life it is. */
export interface LinkEnd {
  readonly name: string;
  /** Undefined while the node is down. */
  readonly life: Life | undefined;
  readonly accept: AcceptPipe;
}

const usPerMs = 1000;
const usPerSecond = 1_000_000;

/** What lies between two nodes: carries the pipes between them, one after the other, and bulk beside them. */
export class SimulatedLink {
  /** How it is cut: both ends learned at once, or each finds out by itself. */
  down: 'reset' | 'silent' | undefined;
  options: LinkOptions = {};
  private cuts = 0;
  private readonly pipes = new Set<SimulatedPipe>();
  private readonly transfers = new Set<(error: GodwitError, delayUs: number) => void>();
  private readonly busyUntilUs = new Map<string, number>();

  constructor(
    readonly simulation: Simulation,
    readonly dialler: LinkEnd,
    readonly other: LinkEnd,
  ) {}

  cut(silently: boolean): void {
    this.down = silently ? 'silent' : 'reset';
    this.cuts += 1;
    const { cuts } = this;
    const error = new GodwitError('UNAVAILABLE', `the link between ${this.dialler.name} and ${this.other.name} was cut`);
    for (const fail of [...this.transfers]) fail(error, silently ? this.detectUs() : 0);
    for (const pipe of [...this.pipes]) {
      if (silently) pipe.giveUpAfter(this.detectUs(), () => this.down === 'silent' && this.cuts === cuts);
      else pipe.end(error);
    }
  }

  heal(): void {
    this.down = undefined;
    for (const pipe of this.pipes) pipe.resume();
  }

  /** A node at one of its ends crashed. */
  died(life: Life, silently: boolean): void {
    for (const pipe of [...this.pipes]) if (pipe.life === life) pipe.die(silently);
    for (const fail of [...this.transfers]) fail(new GodwitError('UNAVAILABLE', `node ${life.node} was lost`), silently ? this.detectUs() : this.oneWayUs());
  }

  ended(pipe: SimulatedPipe): void {
    this.pipes.delete(pipe);
  }

  /** Half a round trip: a handshake, there and, if somebody is there, back. */
  dial(life: Life): Promise<Pipe> {
    const { simulation } = this;
    return new Promise((resolve, reject) => {
      const arrivesUs = simulation.nowUs + this.oneWayUs();
      const answer = (delayUs: number, task: () => void) => void simulation.at(simulation.nowUs + delayUs, life, 'link', task);
      simulation.at(arrivesUs, undefined, 'link', () => {
        if (life.dead) return;
        const there = this.other.life;
        if (this.down === 'silent') answer(this.detectUs(), () => reject(this.unreachable('nobody answers')));
        else if (this.down === 'reset') answer(0, () => reject(this.unreachable('the link is cut')));
        else if (there === undefined) answer(this.oneWayUs(), () => reject(this.unreachable('nobody is there')));
        else this.connect(life, there, (pipe) => answer(this.oneWayUs(), () => (pipe.open ? resolve(pipe) : reject(this.unreachable('the link was cut')))));
      });
    });
  }

  /** When something sent now is on its way, and when it arrives. */
  schedule(from: string, bytes: number): { readonly departsUs: number; readonly arrivesUs: number } {
    const { bytesPerSecond, jitterMs = 0 } = this.options;
    let departsUs = this.simulation.nowUs;
    if (bytesPerSecond !== undefined) {
      departsUs = Math.max(departsUs, this.busyUntilUs.get(from) ?? 0) + Math.ceil((bytes * usPerSecond) / bytesPerSecond);
      this.busyUntilUs.set(from, departsUs);
    }
    const jitterUs = jitterMs === 0 ? 0 : Math.round(jitterMs * usPerMs * this.simulation.random.fraction());
    return { departsUs, arrivesUs: departsUs + this.oneWayUs() + jitterUs };
  }

  /** Bulk, from one node to another, beside the pipes and in nobody's way. @param take reads it at the far side; undefined: it is not there */
  transfer(from: LinkEnd, to: Life, take: () => Uint8Array | undefined): Promise<Uint8Array> {
    const { simulation } = this;
    return new Promise((resolve, reject) => {
      const settle = (delayUs: number, task: () => void) =>
        simulation.at(simulation.nowUs + delayUs, to, 'link', () => {
          this.transfers.delete(fail);
          task();
        });
      const fail = (error: GodwitError, delayUs: number) => {
        this.transfers.delete(fail);
        settle(delayUs, () => reject(error));
      };
      this.transfers.add(fail);
      if (this.down !== undefined || from.life === undefined) {
        fail(this.unreachable('nobody is there'), this.down === 'silent' ? this.detectUs() : this.oneWayUs());
        return;
      }
      simulation.at(simulation.nowUs + this.oneWayUs(), from.life, 'link', () => {
        if (!this.transfers.has(fail)) return;
        const bytes = take();
        if (bytes === undefined) return fail(new GodwitError('NOT_FOUND', `node ${from.name} offers no such blob`), this.oneWayUs());
        const { bytesPerSecond = Number.POSITIVE_INFINITY } = this.options;
        const bulkUs = Math.ceil((bytes.length * usPerSecond) / bytesPerSecond);
        simulation.at(simulation.nowUs + this.oneWayUs() + bulkUs, to, 'link', () => this.transfers.delete(fail) && resolve(bytes.slice()));
      });
    });
  }

  /** Microseconds until an end that hears nothing gives up. */
  detectUs(): number {
    return Math.round((this.options.detectMs ?? 1000) * usPerMs * (1 + this.simulation.random.fraction() / 2));
  }

  private oneWayUs(): number {
    return Math.round(((this.options.rttMs ?? 10) * usPerMs) / 2);
  }

  private connect(life: Life, there: Life, opened: (pipe: SimulatedPipe) => void): void {
    const { simulation } = this;
    const dialled = new SimulatedPipe(life, this);
    const accepted = new SimulatedPipe(there, this);
    dialled.peer = accepted;
    accepted.peer = dialled;
    this.pipes.add(dialled).add(accepted);
    // No frame may reach the dialler before its end does.
    accepted.lastArrivalUs = simulation.nowUs + this.oneWayUs();
    simulation.at(simulation.nowUs, there, 'link', () => {
      if (accepted.open) this.other.accept(accepted);
    });
    opened(dialled);
  }

  private unreachable(reason: string): GodwitError {
    return new GodwitError('UNAVAILABLE', `node ${this.other.name} cannot be reached from ${this.dialler.name}: ${reason}`);
  }
}
