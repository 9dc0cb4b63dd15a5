import { GodwitError } from '../../errors.js';
import type { SimulatedNode } from '../simulated-node.js';
import type { Cast } from './cast.js';
import type { Mishap, Operation } from './schedule.js';

interface Strike {
  readonly a: string;
  readonly b: string;
  frames: number;
  readonly mishap: Mishap;
}

/** What goes wrong in a world, and comes right again after a while. */
export class Mishaps {
  private strikes: Strike[] = [];

  constructor(private readonly cast: Cast) {}

  begin(mishap: Mishap): void {
    const { cast } = this;
    cast.count(mishap.type);
    switch (mishap.type) {
      case 'crash':
        this.crash(cast.node(mishap.node), mishap.forMs);
        break;
      case 'pause':
        this.pause(cast.node(mishap.node), mishap.forMs);
        break;
      case 'full':
        this.fill(cast.node(mishap.node), mishap.forMs);
        break;
      case 'cut':
        this.cut(cast.node(mishap.a), cast.node(mishap.b), mishap.forMs, mishap.isSilent);
        break;
      case 'isolate':
        for (const [name, other] of cast.nodes) if (name !== mishap.node) this.cut(cast.node(mishap.node), other, mishap.forMs, mishap.isSilent);
    }
  }

  /** The mishap comes with a later frame between two nodes. */
  prepare(strike: Extract<Operation, { type: 'strike' }>): void {
    this.strikes.push({ ...strike });
  }

  /** A frame has reached a node. */
  frame(from: string, to: string): void {
    for (const strike of this.strikes) {
      if (!(strike.a === from && strike.b === to) && !(strike.a === to && strike.b === from)) continue;
      strike.frames -= 1;
      // When the node has done all that the frame lets it do.
      if (strike.frames === 0) this.cast.at(0, () => this.begin(strike.mishap));
    }
  }

  /** From now on nothing goes wrong any more. */
  calm(): void {
    const { world, nodes } = this.cast;
    this.strikes = [];
    world.heal();
    for (const node of nodes.values()) {
      if (node.disk !== undefined) node.disk.failure = undefined;
      if (node.status === 'down') world.restart(node);
      else if (node.status === 'paused') world.resume(node);
    }
  }

  private crash(node: SimulatedNode, forMs: number): void {
    const { world } = this.cast;
    if (node.status === 'down') return;
    world.crash(node);
    const { lifeNumber } = node;
    this.cast.at(forMs, () => {
      if (node.status === 'down' && node.lifeNumber === lifeNumber) world.restart(node);
    });
  }

  private pause(node: SimulatedNode, forMs: number): void {
    const { world } = this.cast;
    if (node.status !== 'running') return;
    world.pause(node);
    const { lifeNumber } = node;
    this.cast.at(forMs, () => {
      if (node.status === 'paused' && node.lifeNumber === lifeNumber) world.resume(node);
    });
  }

  private fill({ name, disk }: SimulatedNode, forMs: number): void {
    if (disk === undefined || disk.failure !== undefined) return;
    disk.failure = new GodwitError('RESOURCE_EXHAUSTED', `the disk of ${name} is full`);
    this.cast.at(forMs, () => {
      disk.failure = undefined;
    });
  }

  private cut(a: SimulatedNode, b: SimulatedNode, forMs: number, silent: boolean): void {
    const { world } = this.cast;
    world.cut(a, b, { silent });
    this.cast.at(forMs, () => world.heal(a, b));
  }
}
