// One end of a pipe over a simulated link.
//
// P1 What one end sends reaches the other in order, or the pipe ends.
// P2 What is under way when an end closes, dies or is cut off is not handed over any more; what was sent before its node died is.
// P3 While the link is silently cut, what arrives waits; healed in time, it goes on, as a resent TCP segment would.
import { GodwitError } from '../errors.js';
import type { Pipe } from '../ports/transport.js';
import type { Life } from './life.js';
import type { SimulatedLink } from './simulated-link.js';

/** What travels: a frame, or the news that the far end is no more. */
type Item = Uint8Array | 'reset';

export class SimulatedPipe implements Pipe {
  bufferedBytes = 0;
  onFrame: (frame: Uint8Array) => void = () => {};
  onClose: (error?: GodwitError) => void = () => {};
  onDrain: () => void = () => {};
  open = true;
  peer!: SimulatedPipe;
  /** When the last of what this end sent arrives: nothing overtakes it. */
  lastArrivalUs = 0;
  private stalled: Item[] = [];

  constructor(
    readonly life: Life,
    private readonly link: SimulatedLink,
  ) {}

  send(frame: Uint8Array): void {
    if (this.open && !this.life.dead) this.carry(frame, frame.length);
  }

  close(): void {
    if (!this.open || this.life.dead) return;
    this.end(undefined);
    this.carry('reset', 0);
  }

  /** This end is no more; its node learns it as the next thing. */
  end(error: GodwitError | undefined): void {
    if (!this.open) return;
    this.open = false;
    this.stalled = [];
    this.link.ended(this);
    this.link.simulation.at(this.link.simulation.nowUs, this.life, 'link', () => this.onClose(error));
  }

  /** The node of this end died; the far end learns it if its system still answers for it. */
  die(silently: boolean): void {
    if (!this.open) return;
    this.open = false;
    this.link.ended(this);
    if (!silently) this.carry('reset', 0);
    else this.peer.giveUpAfter(this.link.detectUs(), () => true);
  }

  /** Ends this end when it has heard nothing for a while, if `isDue` still says so, or the far end has given up. */
  giveUpAfter(delayUs: number, isDue: () => boolean): void {
    const { simulation } = this.link;
    simulation.at(simulation.nowUs + delayUs, this.life, 'link', () => {
      if (isDue() || !this.peer.open) this.end(new GodwitError('UNAVAILABLE', `nothing was heard of node ${this.peer.life.node} for ${delayUs / 1000} ms`));
    });
  }

  /** The link was healed: what waited arrives now, one thing after the other. */
  resume(): void {
    if (this.stalled.length === 0) return;
    const { simulation } = this.link;
    simulation.at(simulation.nowUs, this.life, 'link', () => {
      if (this.link.down !== undefined) return;
      const item = this.stalled.shift();
      if (item !== undefined) this.take(item);
      this.resume();
    });
  }

  private carry(item: Item, bytes: number): void {
    const { link, peer } = this;
    const { departsUs, arrivesUs } = link.schedule(this.life.node, bytes);
    this.lastArrivalUs = Math.max(this.lastArrivalUs, arrivesUs);
    if (departsUs > link.simulation.nowUs) this.drainAt(departsUs, bytes);
    link.simulation.at(this.lastArrivalUs, peer.life, 'link', () => peer.arrive(item));
  }

  private drainAt(departsUs: number, bytes: number): void {
    this.bufferedBytes += bytes;
    this.link.simulation.at(departsUs, this.life, 'link', () => {
      this.bufferedBytes -= bytes;
      if (this.bufferedBytes === 0 && this.open) this.onDrain();
    });
  }

  private arrive(item: Item): void {
    const isWaiting = this.link.down === 'silent' || this.stalled.length > 0;
    if (this.open && isWaiting) this.stalled.push(item);
    else this.take(item);
  }

  private take(item: Item): void {
    const { simulation } = this.link;
    if (item !== 'reset' && this.open) simulation.frameArrives?.(this.peer.life.node, this.life.node, item);
    if (this.open && this.link.down === 'silent') {
      // Who listened has cut the link in silence.
      this.stalled.unshift(item);
      return;
    }
    if (!this.open) {
      // Its system answers for an end that is closed.
      if (item !== 'reset' && this.link.down === undefined && this.peer.open) this.carry('reset', 0);
      return;
    }
    if (item === 'reset') {
      simulation.trace.add(simulation.nowUs, this.life.node, `reset by ${this.peer.life.node}`);
      this.end(new GodwitError('UNAVAILABLE', `node ${this.peer.life.node} closed the pipe`));
      return;
    }
    simulation.trace.add(simulation.nowUs, this.life.node, `frame of ${this.peer.life.node}`, item);
    this.onFrame(item);
  }
}
