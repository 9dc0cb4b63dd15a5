// A shared actor on a stage: spawned on robot-1, offloaded to an edge that keeps its name and a disk, and used by robot-2 as well.
import type { ExecutionContext } from 'ava';
import { spawn } from '../actors/spawn.js';
import type { SimulatedNode, SimulatedNodeOptions } from '../testing/index.js';
import { assertOneCopy, outcome, registerOf, type ScribeRef, Stage } from './schedules.test-support.js';

export const address = 'robot-1/map';
export const sharing = { nodeOptions: { keepsNameOf: (actor: string) => actor === address } } as const;
export type SharedKind = 'volatile' | 'checkpointed' | 'durable';

/** Everybody in it. */
export interface Cast {
  readonly s: Stage;
  readonly one: SimulatedNode;
  readonly two: SimulatedNode;
  readonly edge: SimulatedNode;
  readonly all: readonly SimulatedNode[];
  /** The disk of robot-1: how long a write takes from now on. */
  readonly disk: { fsyncMs: number };
  /** As robot-1 uses it, in its first life. */
  readonly own: ScribeRef;
  /** As robot-2 uses it: told where it is, as one that joined before the register went. */
  readonly joined: ScribeRef;
}

/** The actor is on the edge; its register still at robot-1. */
export async function shared(kind: SharedKind, seed: number, edgeOptions: SimulatedNodeOptions = sharing): Promise<Cast> {
  const s = new Stage({ seed });
  const { definitions, w } = s;
  const own: { ref?: ScribeRef } = {};
  const disk = { fsyncMs: 1 };
  const one = w.device('robot-1', {
    definitions,
    disk,
    onStart: (node) => {
      own.ref = spawn(node, s[kind], 'map') as ScribeRef;
    },
  });
  const two = w.device('robot-2', { definitions });
  const edge = w.edge('edge', { definitions, disk: true, ...edgeOptions });
  const second = w.edge('edge-2', { definitions, disk: true, ...sharing });
  w.link(one, edge, { rttMs: 4, detectMs: 5000 });
  w.link(two, edge, { rttMs: 4, detectMs: 5000 });
  w.link(two, one, { rttMs: 4, detectMs: 5000 });
  w.link(two, second, { rttMs: 4, detectMs: 5000 });
  w.link(one, second, { rttMs: 4, detectMs: 5000 });
  w.link(edge, second, { rttMs: 4, detectMs: 5000 });
  await w.advance(50);
  await w.settle((own.ref as ScribeRef).put('before'));
  await w.settle(one.move(address, { to: 'edge' }));
  await w.advance(20);
  const joined = two.refTo(s[kind], address) as ScribeRef;
  const draft = spawn(two, s.volatile, 'draft');
  await w.settle(draft.all());
  await w.settle(two.node.repoint('robot-2/draft', address, { node: 'edge', tier: 'native', epoch: 2 }));
  await w.settle(joined.put('joined'));
  return { s, one, two, edge, all: [one, two, edge, second], disk, own: own.ref as ScribeRef, joined };
}

/** Begins something that may end in any way. */
export function attempt(work: PromiseLike<unknown>): void {
  outcome(work).catch(() => undefined);
}

/** Names of the living nodes that keep a register of the actor. */
export function homesOf({ all }: Cast): string[] {
  return all.filter((node) => node.status !== 'down' && registerOf(node, address) !== undefined).map(({ name }) => name);
}

/** Whatever happened, the actor is one, has one home, and is answered; of a durable one nothing is lost. */
export async function assertWhole(t: ExecutionContext, cast: Cast, kind: SharedKind, told: readonly string[], what: string): Promise<void> {
  const { s, joined, all } = cast;
  await s.w.settle(joined.put(`${what} after`, { timeoutMs: 20_000 }));
  await s.w.advance(3000);
  const { entries } = await s.scroll(joined);
  assertOneCopy(t, s, address, all, what);
  t.is(homesOf(cast).length, 1, `${what}: homes are ${homesOf(cast).join(' and ')}`);
  if (kind === 'durable') t.deepEqual(entries, [...told, `${what} after`], what);
  else t.true(entries.includes(`${what} after`), what);
}
