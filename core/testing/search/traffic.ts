import { GodwitError } from '../../errors.js';
import type { Node } from '../../node/node.js';
import type { MoveReport } from '../../node/types.js';
import type { SimulatedNode } from '../simulated-node.js';
import type { Cast } from './cast.js';
import type { MoveSeen, Pending } from './history.js';
import type { Operation, StepPlan } from './schedule.js';
import { ask, type Step, tellLedger } from './workload.js';

type Of<T extends Operation['type']> = Extract<Operation, { type: T }>;

/** Between two items that a reader takes, in milliseconds. */
const readerPaceMs = 3;

/** What the applications of a world do: they tell, ask and read, and let actors move. A node that is down or paused does nothing. */
export class Traffic {
  constructor(private readonly cast: Cast) {}

  tell({ from, to, count, steps, throws }: Of<'tell'>): void {
    const { history } = this.cast;
    const node = this.running(from);
    if (node === undefined) return;
    const ref = this.cast.ref(node, to);
    for (let index = 0; index < count; index++) {
      const record = history.send('tell', from, node.node.boot, ref.$address);
      const plan = steps.length === 0 ? {} : { steps: this.steps(node, steps) };
      tellLedger(record, ref, { record: record.number, ...plan, ...(throws ? { throws } : {}) });
    }
  }

  ask({ from, to, timeoutMs, steps }: Of<'ask'>): void {
    const node = this.running(from);
    if (node !== undefined) this.cast.beside(this.askFrom(node, to, timeoutMs, steps).then((code) => this.cast.count(`ask ${code}`)));
  }

  /** @returns OK, or the code it failed with */
  askFrom(node: SimulatedNode, to: number, timeoutMs: number, steps: readonly StepPlan[]): Promise<string> {
    const ref = this.cast.ref(node, to);
    const record = this.cast.history.send('ask', node.name, node.node.boot, ref.$address);
    return ask(record, ref, { record: record.number, steps: this.steps(node, steps) }, timeoutMs, livingOf(node));
  }

  stream({ from, to, items, timeoutMs }: Of<'stream'>): void {
    const { history } = this.cast;
    const node = this.running(from);
    if (node === undefined) return;
    const ref = this.cast.ref(node, to);
    const record = history.send('stream', from, node.node.boot, ref.$address);
    const pending: Pending = { record, isLiving: livingOf(node), what: `stream ${record.number} of ${from} from ${ref.$address}`, isOver: false };
    history.pending.push(pending);
    const reader = ref.feed({ record: record.number, items, from: 0, isResumed: false }, { timeoutMs });
    this.cast.beside(
      this.read(reader, items, pending).then((code) => {
        pending.isOver = true;
        this.cast.count(`stream ${code}`);
      }),
    );
  }

  move({ actor, to, abortAfterMs }: Of<'move'>): void {
    const address = this.cast.address(actor);
    const source = this.cast.living().find((node) => node.status === 'running' && node.actors().some((info) => info.address === address));
    if (source === undefined || source.name === to) return;
    const controller = new AbortController();
    if (abortAfterMs !== undefined) this.cast.at(abortAfterMs, () => controller.abort());
    this.watch('move', address, to, source.node, source.move(address, { to, signal: controller.signal }));
  }

  recall({ actor }: Of<'recall'>): void {
    const address = this.cast.address(actor);
    const node = this.running(address.slice(0, address.indexOf('/')));
    if (node !== undefined) this.watch('recall', address, node.name, node.node, node.recall(address));
  }

  private running(name: string): SimulatedNode | undefined {
    const node = this.cast.node(name);
    return node.status === 'running' ? node : undefined;
  }

  private steps(from: SimulatedNode, plans: readonly StepPlan[]): Step[] {
    return plans.map(({ type, to, ms, steps }) => ({ type, to: this.cast.ref(from, to), ms, steps: this.steps(from, steps) }));
  }

  /** A stream's items come in order, each once, all of them, or it ends with an error. */
  private async read(reader: AsyncIterableIterator<number>, items: number, { what }: Pending): Promise<string> {
    const { history } = this.cast;
    let expected = 0;
    try {
      for await (const item of reader) {
        if (item !== expected) history.violate('I2', `${what} brought item ${item} instead of ${expected}`);
        expected = item + 1;
        await new Promise<void>((resolve) => this.cast.at(readerPaceMs, resolve));
      }
    } catch (thrown) {
      return GodwitError.from(thrown).code;
    }
    if (expected !== items) history.violate('I2', `${what} ended after ${expected} of ${items} items`);
    return 'OK';
  }

  /** I7: what was restored is what was captured. I4: it ends for its caller. */
  private watch(what: 'move' | 'recall', actor: string, to: string, host: Node, moved: Promise<MoveReport>): void {
    const { history } = this.cast;
    const seen: MoveSeen = { actor, to, host, outcome: undefined };
    history.moves.push(seen);
    const ended = (code: string) => {
      seen.outcome = code;
      this.cast.count(`${what} ${code}`);
    };
    moved.then(
      ({ stateHash }) => {
        if (stateHash.before !== stateHash.after) history.violate('I7', `${actor} was captured as ${stateHash.before} and restored as ${stateHash.after}`);
        ended('OK');
      },
      (thrown: unknown) => ended(GodwitError.from(thrown).code),
    );
  }
}

function livingOf(node: SimulatedNode): () => boolean {
  const life = node.node;
  return () => node.status !== 'down' && node.node === life;
}
