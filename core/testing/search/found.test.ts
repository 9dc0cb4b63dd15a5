// Schedules that broke an invariant once, shrunk to what was needed; each names what had gone wrong. They are spelled out, not seeds: the
// generator of schedules changes. Each failed on the commit before its fix.
import test from 'ava';
import type { Operation, Schedule } from './schedule.js';
import { play } from './stage.js';
import type { LedgerKind } from './workload.js';

/** Where a schedule plays; an actor is its address and its kind. */
interface Setting {
  readonly seed: number;
  readonly nodes: readonly string[];
  readonly rttMs: number;
  readonly fsyncMs?: number;
  readonly clockPpm?: number;
  readonly actors: readonly string[];
}

const isEdge = (node: string) => node.startsWith('edge');

function scheduleOf({ seed, nodes, rttMs, fsyncMs = 1, clockPpm = 0, actors }: Setting, operations: readonly Operation[]): Schedule {
  const plans = actors.map((actor) => {
    const [home, name, kind] = actor.split(/[/ ]/) as [string, string, LedgerKind];
    return { home, name, kind };
  });
  return { seed, devices: nodes.filter((node) => !isEdge(node)), edges: nodes.filter(isEdge), rttMs, fsyncMs, clockPpm, actors: plans, operations };
}

const found: ReadonlyArray<readonly [wrong: string, setting: Setting, ...operations: Operation[]]> = [
  [
    'a channel that was opened while its receiver was frozen for a move led into the frozen mailbox',
    {
      seed: 24,
      nodes: ['robot', 'edge-1'],
      rttMs: 4,
      actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 checkpointed', 'robot/ledger-3 volatile', 'robot/ledger-4 checkpointed'],
    },
    { atMs: 1, type: 'move', actor: 3, to: 'edge-1' },
    { atMs: 6.804, type: 'tell', from: 'robot', to: 3, count: 1, steps: [], throws: false },
  ],
  [
    'a home forgot where its own register says that the actor is',
    {
      seed: 118,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 1,
      actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 volatile', 'robot/ledger-3 volatile', 'robot/ledger-4 volatile'],
    },
    { atMs: 6201.497, type: 'move', actor: 0, to: 'edge-2' },
    { atMs: 6203.803, type: 'mishap', mishap: { type: 'cut', a: 'robot', b: 'edge-2', forMs: 2600, isSilent: false } },
    {
      atMs: 6203.846,
      type: 'tell',
      from: 'edge-1',
      to: 2,
      count: 5,
      steps: [
        {
          type: 'tell',
          to: 0,
          ms: 0,
          steps: [
            { type: 'timer', to: 0, ms: 700, steps: [] },
            { type: 'tell', to: 2, ms: 700, steps: [] },
          ],
        },
      ],
      throws: false,
    },
  ],
  [
    'a home adopted another owner and left its own channels on the streams of a session that was over',
    {
      seed: 144,
      nodes: ['robot', 'phone', 'edge-1', 'edge-2'],
      rttMs: 1,
      actors: ['phone/ledger-1 volatile', 'robot/ledger-2 volatile', 'phone/ledger-3 checkpointed'],
    },
    { atMs: 3, type: 'move', actor: 0, to: 'edge-2' },
    { atMs: 3.328, type: 'tell', from: 'phone', to: 0, count: 1, steps: [], throws: false },
    { atMs: 6807, type: 'move', actor: 0, to: 'edge-1' },
    { atMs: 6809.398, type: 'mishap', mishap: { type: 'crash', node: 'edge-2', forMs: 5 } },
  ],
  [
    'a home that was restoring an actor called what came for it meanwhile a dead letter',
    {
      seed: 185,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 1,
      actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 checkpointed', 'robot/ledger-3 checkpointed'],
    },
    { atMs: 2603, type: 'move', actor: 1, to: 'edge-1' },
    { atMs: 7803.827, type: 'mishap', mishap: { type: 'crash', node: 'edge-1', forMs: 500 } },
    { atMs: 8204.46, type: 'tell', from: 'robot', to: 1, count: 1, steps: [], throws: false },
  ],
  [
    'a takeover ran a resumed stream before the actor had its epoch and incarnation',
    {
      seed: 387,
      nodes: ['robot', 'phone', 'edge-1', 'edge-2'],
      rttMs: 40,
      actors: ['robot/ledger-1 volatile', 'robot/ledger-2 volatile', 'phone/ledger-3 checkpointed', 'robot/ledger-4 checkpointed'],
    },
    { atMs: 2600, type: 'move', actor: 2, to: 'edge-2' },
    { atMs: 2726.881, type: 'tell', from: 'edge-2', to: 2, count: 1, steps: [], throws: false },
    { atMs: 2755.18, type: 'stream', from: 'edge-2', to: 2, items: 5, timeoutMs: 4000 },
    { atMs: 2756.323, type: 'mishap', mishap: { type: 'crash', node: 'edge-2', forMs: 500 } },
  ],
  [
    'the answer to an ask of a former life reached the ask of the next life with the same number',
    { seed: 469, nodes: ['robot', 'edge-1', 'edge-2'], rttMs: 1, actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 checkpointed'] },
    {
      atMs: 1253.57,
      type: 'ask',
      from: 'edge-1',
      to: 1,
      timeoutMs: 300,
      steps: [{ type: 'ask', to: 1, ms: 4000, steps: [{ type: 'timer', to: 0, ms: 5, steps: [] }] }],
    },
    { atMs: 1254.437, type: 'mishap', mishap: { type: 'crash', node: 'edge-1', forMs: 2050 } },
    { atMs: 3901.541, type: 'ask', from: 'edge-1', to: 1, timeoutMs: 4000, steps: [] },
  ],
  [
    'a move never ended for its caller: RUNNING was lost with a link that came back before the commit was heard',
    {
      seed: 649,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 40,
      actors: ['robot/ledger-1 volatile', 'robot/ledger-2 checkpointed', 'robot/ledger-3 checkpointed', 'robot/ledger-4 volatile'],
    },
    { atMs: 0, type: 'move', actor: 3, to: 'edge-1' },
    { atMs: 400, type: 'move', actor: 3, to: 'edge-2' },
    { atMs: 503.818, type: 'mishap', mishap: { type: 'isolate', node: 'edge-1', forMs: 2600, isSilent: false } },
  ],
  [
    'a checkpoint held an open stream of a sender whose cursor was gone, so the actor never came back',
    {
      seed: 1337,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 4,
      actors: ['robot/ledger-1 volatile', 'robot/ledger-2 checkpointed', 'robot/ledger-3 checkpointed', 'robot/ledger-4 checkpointed'],
    },
    { atMs: 0, type: 'strike', a: 'edge-2', b: 'edge-1', frames: 9, mishap: { type: 'crash', node: 'edge-2', forMs: 60 } },
    { atMs: 0, type: 'move', actor: 2, to: 'edge-1' },
    { atMs: 10.672, type: 'stream', from: 'edge-2', to: 2, items: 40, timeoutMs: 4000 },
    {
      atMs: 3813.745,
      type: 'tell',
      from: 'robot',
      to: 3,
      count: 2,
      steps: [
        {
          type: 'tell',
          to: 0,
          ms: 700,
          steps: [
            { type: 'tell', to: 2, ms: 50, steps: [] },
            { type: 'ask', to: 2, ms: 300, steps: [] },
          ],
        },
      ],
      throws: false,
    },
    { atMs: 3818.303, type: 'mishap', mishap: { type: 'crash', node: 'edge-1', forMs: 500 } },
  ],
  [
    'a channel that was not led anew with its node wrote on a stream of the former session',
    {
      seed: 788,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 4,
      actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 volatile', 'robot/ledger-3 volatile', 'robot/ledger-4 volatile'],
    },
    { atMs: 2662, type: 'strike', a: 'edge-2', b: 'edge-1', frames: 9, mishap: { type: 'crash', node: 'edge-1', forMs: 6000 } },
    { atMs: 2662, type: 'move', actor: 2, to: 'edge-2' },
    { atMs: 2674.143, type: 'ask', from: 'edge-1', to: 2, timeoutMs: 1500, steps: [] },
    {
      atMs: 2676.177,
      type: 'tell',
      from: 'robot',
      to: 2,
      count: 2,
      steps: [
        { type: 'timer', to: 0, ms: 5, steps: [] },
        {
          type: 'timer',
          to: 1,
          ms: 700,
          steps: [
            { type: 'ask', to: 2, ms: 1500, steps: [] },
            { type: 'tell', to: 3, ms: 700, steps: [] },
          ],
        },
      ],
      throws: false,
    },
    { atMs: 2712, type: 'move', actor: 3, to: 'edge-1' },
    { atMs: 2713.229, type: 'ask', from: 'edge-2', to: 3, timeoutMs: 300, steps: [] },
    { atMs: 7975.228, type: 'tell', from: 'edge-2', to: 3, count: 1, steps: [], throws: false },
  ],
  [
    'an actor that its source won back went on under streams that were opened at the epoch before',
    {
      seed: 1710,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 4,
      actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 checkpointed', 'robot/ledger-3 checkpointed'],
    },
    { atMs: 4, type: 'move', actor: 0, to: 'edge-1' },
    { atMs: 2604, type: 'recall', actor: 0 },
    { atMs: 2606.266, type: 'tell', from: 'edge-1', to: 0, count: 5, steps: [{ type: 'ask', to: 2, ms: 4000, steps: [] }], throws: false },
    {
      atMs: 2608.366,
      type: 'ask',
      from: 'edge-1',
      to: 2,
      timeoutMs: 300,
      steps: [
        {
          type: 'tell',
          to: 0,
          ms: 2500,
          steps: [
            { type: 'tell', to: 2, ms: 2500, steps: [] },
            { type: 'tell', to: 0, ms: 50, steps: [] },
          ],
        },
      ],
    },
    { atMs: 2615.923, type: 'mishap', mishap: { type: 'isolate', node: 'edge-1', forMs: 1500, isSilent: false } },
  ],
  [
    'forgetting the answers to a former life left a hole that a restored durable actor could not take',
    { seed: 41, nodes: ['robot', 'edge-1', 'edge-2'], rttMs: 40, actors: ['robot/ledger-1 durable', 'robot/ledger-2 durable', 'robot/ledger-3 durable'] },
    { atMs: 1299.664, type: 'ask', from: 'edge-2', to: 2, timeoutMs: 20, steps: [] },
    { atMs: 1339.905, type: 'mishap', mishap: { type: 'crash', node: 'robot', forMs: 1500 } },
  ],
  [
    'what an application told a durable actor on its own node went down with the copy that was fenced',
    {
      seed: 43,
      nodes: ['robot', 'phone', 'edge-1', 'edge-2'],
      rttMs: 10,
      actors: ['robot/ledger-1 durable', 'phone/ledger-2 durable', 'phone/ledger-3 durable'],
    },
    { atMs: 48.435, type: 'move', actor: 1, to: 'edge-1' },
    { atMs: 2451.787, type: 'mishap', mishap: { type: 'cut', a: 'phone', b: 'edge-1', forMs: 2600, isSilent: false } },
    { atMs: 2456.417, type: 'tell', from: 'edge-1', to: 1, count: 1, steps: [], throws: false },
    { atMs: 3621.333, type: 'tell', from: 'edge-1', to: 0, count: 1, steps: [], throws: false },
  ],
  [
    'a turn sent to its home’s node although no journal of it was kept there',
    {
      seed: 43,
      nodes: ['robot', 'phone', 'edge-1', 'edge-2'],
      rttMs: 10,
      actors: ['robot/ledger-1 durable', 'phone/ledger-2 durable', 'phone/ledger-3 durable'],
    },
    {
      atMs: 28.445,
      type: 'ask',
      from: 'robot',
      to: 1,
      timeoutMs: 300,
      steps: [{ type: 'ask', to: 2, ms: 20, steps: [{ type: 'ask', to: 2, ms: 4000, steps: [] }] }],
    },
    { atMs: 48.435, type: 'move', actor: 1, to: 'edge-1' },
    { atMs: 1224.756, type: 'tell', from: 'robot', to: 1, count: 1, steps: [{ type: 'ask', to: 2, ms: 4000, steps: [] }], throws: false },
    { atMs: 2428.585, type: 'tell', from: 'phone', to: 1, count: 1, steps: [], throws: false },
    { atMs: 2451.787, type: 'mishap', mishap: { type: 'cut', a: 'phone', b: 'edge-1', forMs: 2600, isSilent: false } },
    { atMs: 3621.333, type: 'tell', from: 'edge-1', to: 0, count: 1, steps: [], throws: false },
  ],
  [
    'items of a durable actor’s stream overtook each other on their own node',
    { seed: 92, nodes: ['robot', 'edge-1'], rttMs: 1, actors: ['robot/ledger-1 durable', 'robot/ledger-2 durable'] },
    { atMs: 452.903, type: 'stream', from: 'robot', to: 1, items: 40, timeoutMs: 4000 },
  ],
  [
    'a journal was safe, and let an earlier turn’s outputs go, before the checkpoint that it builds on',
    { seed: 1035, nodes: ['robot', 'edge-1', 'edge-2'], rttMs: 1, actors: ['robot/ledger-1 durable', 'robot/ledger-2 durable', 'robot/ledger-3 durable'] },
    {
      atMs: 451.674,
      type: 'ask',
      from: 'edge-2',
      to: 1,
      timeoutMs: 1500,
      steps: [
        {
          type: 'tell',
          to: 1,
          ms: 0,
          steps: [
            { type: 'tell', to: 1, ms: 5, steps: [] },
            { type: 'timer', to: 0, ms: 2500, steps: [] },
          ],
        },
      ],
    },
    { atMs: 451.728, type: 'stream', from: 'edge-2', to: 1, items: 40, timeoutMs: 4000 },
    {
      atMs: 451.764,
      type: 'tell',
      from: 'edge-2',
      to: 1,
      count: 5,
      steps: [
        { type: 'tell', to: 0, ms: 50, steps: [{ type: 'tell', to: 0, ms: 50, steps: [] }] },
        { type: 'ask', to: 0, ms: 300, steps: [{ type: 'tell', to: 0, ms: 50, steps: [] }] },
      ],
      throws: false,
    },
    { atMs: 455.95, type: 'mishap', mishap: { type: 'crash', node: 'robot', forMs: 6000 } },
  ],
  [
    'a lease timer that had fired already was heard behind the renewal that stopped it: two owners at once',
    { seed: 103054, nodes: ['robot', 'edge-1', 'edge-2'], rttMs: 10, actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 volatile'] },
    { atMs: 1, type: 'move', actor: 0, to: 'edge-1' },
    { atMs: 7.084, type: 'ask', from: 'edge-2', to: 0, timeoutMs: 300, steps: [{ type: 'tell', to: 0, ms: 0, steps: [] }] },
    { atMs: 34.407, type: 'mishap', mishap: { type: 'pause', node: 'robot', forMs: 2600 } },
    { atMs: 2634.683, type: 'tell', from: 'robot', to: 0, count: 1, steps: [], throws: false },
  ],
  [
    'a durable actor answered a former life of the application on its own node; the next one’s ask took it',
    { seed: 102226, nodes: ['robot', 'edge-1'], rttMs: 10, actors: ['robot/ledger-1 durable', 'robot/ledger-2 durable'] },
    { atMs: 52.998, type: 'stream', from: 'robot', to: 0, items: 5, timeoutMs: 4000 },
    { atMs: 2701.105, type: 'mishap', mishap: { type: 'crash', node: 'robot', forMs: 5 } },
    { atMs: 2706.773, type: 'ask', from: 'robot', to: 0, timeoutMs: 1500, steps: [] },
  ],
  [
    'two takeovers from one base began the same incarnation twice',
    {
      seed: 1000293,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 1,
      fsyncMs: 8,
      clockPpm: 100,
      actors: ['robot/ledger-1 volatile', 'robot/ledger-2 durable', 'robot/ledger-3 volatile', 'robot/ledger-4 checkpointed'],
    },
    { atMs: 2603, type: 'strike', a: 'robot', b: 'edge-1', frames: 5, mishap: { type: 'isolate', node: 'robot', forMs: 2600, isSilent: false } },
    { atMs: 2603, type: 'move', actor: 2, to: 'edge-1' },
    {
      atMs: 2603.967,
      type: 'tell',
      from: 'robot',
      to: 2,
      count: 2,
      steps: [
        {
          type: 'timer',
          to: 2,
          ms: 700,
          steps: [
            { type: 'timer', to: 1, ms: 5, steps: [] },
            { type: 'tell', to: 1, ms: 2500, steps: [] },
          ],
        },
      ],
      throws: false,
    },
    { atMs: 6405.225, type: 'mishap', mishap: { type: 'crash', node: 'robot', forMs: 6000 } },
  ],
  [
    'a checkpoint left out a record that lay in the mailbox alone, since its sender, by then on another node, was taken to hold it',
    {
      seed: 1600249,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 10,
      fsyncMs: 60,
      clockPpm: 100,
      actors: ['robot/ledger-1 checkpointed', 'robot/ledger-2 volatile', 'robot/ledger-3 checkpointed'],
    },
    { atMs: 1200, type: 'move', actor: 2, to: 'edge-1' },
    {
      atMs: 1211.57,
      type: 'tell',
      from: 'edge-1',
      to: 2,
      count: 5,
      steps: [
        {
          type: 'timer',
          to: 2,
          ms: 0,
          steps: [
            { type: 'tell', to: 1, ms: 2500, steps: [] },
            { type: 'ask', to: 2, ms: 300, steps: [] },
          ],
        },
      ],
      throws: false,
    },
    { atMs: 1219.389, type: 'tell', from: 'robot', to: 2, count: 1, steps: [], throws: false },
    { atMs: 2455, type: 'mishap', mishap: { type: 'pause', node: 'edge-1', forMs: 6000 } },
    { atMs: 6651.722, type: 'tell', from: 'edge-2', to: 0, count: 1, steps: [], throws: false },
  ],
  [
    'a target expected an actor for ever that its home had forgotten by a crash',
    {
      seed: 1600185,
      nodes: ['robot', 'edge-1', 'edge-2'],
      rttMs: 10,
      clockPpm: 100,
      actors: ['robot/ledger-1 volatile', 'robot/ledger-2 durable', 'robot/ledger-3 volatile'],
    },
    { atMs: 3900, type: 'move', actor: 0, to: 'edge-1' },
    { atMs: 3921.379, type: 'mishap', mishap: { type: 'crash', node: 'robot', forMs: 1500 } },
  ],
  [
    'a home expected an actor for ever that it had taken over itself meanwhile',
    { seed: 1600823, nodes: ['robot', 'edge-1', 'edge-2'], rttMs: 4, fsyncMs: 8, actors: ['robot/ledger-1 volatile', 'robot/ledger-2 volatile'] },
    { atMs: 26.012, type: 'move', actor: 1, to: 'edge-1' },
    { atMs: 2612, type: 'move', actor: 1, to: 'robot' },
    { atMs: 2618.669, type: 'mishap', mishap: { type: 'crash', node: 'edge-1', forMs: 6000 } },
  ],
];

for (const [wrong, setting, ...operations] of found) {
  test.serial(`search, found once: ${wrong}`, async (t) => {
    const { violations } = await play(scheduleOf(setting, operations));

    t.deepEqual(violations, []);
  });
}
