// Schedules of durable actors that broke an invariant once, spelled out, since the generator of schedules changes. Each failed on the commit before its fix.
import { replay } from './found.test-support.js';

replay([
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
    'finding the way to a later life of the asker did not stop the answer that was on its way to the former one',
    { seed: 1800439, nodes: ['robot', 'edge-1', 'edge-2'], rttMs: 1, fsyncMs: 60, clockPpm: 100, actors: ['robot/ledger-1 durable', 'robot/ledger-2 durable'] },
    { atMs: 2.291, type: 'stream', from: 'robot', to: 0, items: 40, timeoutMs: 4000 },
    { atMs: 52, type: 'strike', a: 'edge-1', b: 'robot', frames: 5, mishap: { type: 'crash', node: 'robot', forMs: 2600 } },
    { atMs: 52, type: 'move', actor: 1, to: 'edge-1' },
    { atMs: 54.927, type: 'mishap', mishap: { type: 'pause', node: 'edge-1', forMs: 1500 } },
    {
      atMs: 1254.323,
      type: 'ask',
      from: 'robot',
      to: 1,
      timeoutMs: 300,
      steps: [
        { type: 'ask', to: 0, ms: 300, steps: [{ type: 'tell', to: 0, ms: 0, steps: [] }] },
        { type: 'ask', to: 1, ms: 20, steps: [{ type: 'tell', to: 0, ms: 50, steps: [] }] },
      ],
    },
    { atMs: 3854.773, type: 'tell', from: 'edge-1', to: 1, count: 1, steps: [], throws: true },
  ],
]);
