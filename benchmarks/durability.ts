// What each durability costs, per message and in latency: the same actor without checkpoints, with one after each turn, and durable.
import { dispatch, GodwitError, type Ref, spawn, type Tier } from '#core';
import { CheckpointingKeeper, DurableKeeper, Keeper, type KeeperHandlers, largeStateBytes } from './keeper.js';
import { type Increment, Meter } from './meter.js';
import { type Home, type Homes, openHomes } from './peers/homes.js';
import { askTimeoutMs } from './peers/peer.js';
import { type Contestant, compare, keepInFlight, type Measured } from './rounds.js';
import type { Traffic } from './standby-traffic.js';
import type { Effort, Suite } from './suite.js';
import { formatTable } from './table.js';

/** What an actor keeps, and in brackets where its home keeps it, if not on the disk. */
export type Keeps = 'none' | 'checkpoints' | 'durable' | 'durable (memory)';

/** What keeping safe took for one message, on the average. */
export interface Safekeeping {
  readonly captures: number;
  readonly journals: number;
  /** To the standby: away over the link and beside it, at home to the store. */
  readonly bytes: number;
  /** Given to the home's store. */
  readonly diskBytes: number;
}

/** What one durability did and took. */
export interface DurabilityMeasured extends Measured {
  readonly name: Keeps;
  /** What one message costs more than under 'none', in microseconds, by the median rates; of 64 in flight each bears its share. */
  readonly addedUs: number;
  /** Messages that the sender's outbox had no room for, in the whole run: what was sent before was not acknowledged. They were sent again. */
  readonly refused: number;
  /** Times that the home took the living actor back, in the whole run: what was measured after that was measured at home. */
  readonly takeovers: number;
  readonly perMessage: Safekeeping;
}

/** One comparison. */
export interface DurabilityRow {
  readonly operation: 'tell' | 'ask';
  /** 'home' on the home's node itself, 'away' on an edge in another process; the sender is an application on the home's node. */
  readonly place: 'home' | 'away';
  readonly tier: Tier;
  /** 'awaiting' asks an actor beside it and waits for the answer, within its turn. */
  readonly handler: 'synchronous' | 'awaiting';
  readonly state: 'small' | '100 kB';
  readonly inFlight: number;
  /** 'none' comes first and is what the others are compared with: `ratio` is its rate to theirs. */
  readonly keeps: readonly DurabilityMeasured[];
}

type Setting = Pick<DurabilityRow, 'place' | 'tier' | 'state'>;
type Load = Pick<DurabilityRow, 'operation' | 'handler' | 'inFlight'>;

const definitions = { none: Keeper, checkpoints: CheckpointingKeeper, durable: DurableKeeper, 'durable (memory)': DurableKeeper } as const;
const lengths = { small: 0, '100 kB': largeStateBytes } as const;

const synchronous = [
  ...[1, 64, 1024].map((inFlight) => ({ operation: 'tell', handler: 'synchronous', inFlight }) as const),
  ...[1, 64].map((inFlight) => ({ operation: 'ask', handler: 'synchronous', inFlight }) as const),
];
const awaiting = [
  { operation: 'tell', handler: 'awaiting', inFlight: 64 },
  ...[1, 64].map((inFlight) => ({ operation: 'ask', handler: 'awaiting', inFlight }) as const),
] as const;

const plan: ReadonlyArray<readonly [Setting, readonly Load[]]> = [
  [{ place: 'home', tier: 'native', state: 'small' }, [...synchronous, ...awaiting]],
  [{ place: 'home', tier: 'native', state: '100 kB' }, synchronous],
  [{ place: 'away', tier: 'native', state: 'small' }, [...synchronous, ...awaiting]],
  [{ place: 'away', tier: 'native', state: '100 kB' }, synchronous],
  [{ place: 'away', tier: 'script', state: 'small' }, [...synchronous.filter(({ inFlight }) => inFlight === 64), ...awaiting.slice(1, 2)]],
];

export const durability: Suite<DurabilityRow> = {
  name: 'durability',
  summary: 'no checkpoints, one after each turn, durable; at home and away; small and 100 kB',
  async run(effort, progress) {
    const homes = await openHomes();
    const rows: DurabilityRow[] = [];
    try {
      for (const [setting, loads] of plan) {
        const kept = await Promise.all(namesAt(setting).map((name) => openKept(homes, name, setting)));
        for (const load of loads) {
          progress(`durability: ${Object.values({ ...setting, ...load }).join(' ')} in flight`);
          rows.push({ ...setting, ...load, keeps: await measure(kept, setting, load, effort) });
        }
        for (const { close } of kept) await close();
      }
    } finally {
      await homes.close();
    }
    return rows;
  },
  format: (rows) =>
    formatTable(
      [
        '',
        'place',
        'tier',
        'handler',
        'state',
        'in flight',
        'keeps',
        'rate/s',
        'none : it',
        'µs more',
        'p50 ms',
        'p99 ms',
        'captures',
        'journals',
        'B to standby',
        'B to disk',
        'refused',
        'takeovers',
        'n',
      ],
      rows.flatMap((row) => row.keeps.map((measured) => [...cellsOf(row), ...cellsOfMeasured(measured)])),
    ),
};

/** One actor under one durability. */
interface Kept {
  readonly name: Keeps;
  readonly home: Home;
  readonly keeper: Ref<KeeperHandlers>;
  /** Takeovers so far. */
  readonly takeovers: number;
  /** Brings the actor where it is to be measured. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** At home there are no checkpoints of what is volatile. */
function namesAt({ place }: Setting): Keeps[] {
  return (Object.keys(definitions) as Keeps[]).filter((name) => place === 'away' || name !== 'checkpoints');
}

let opened = 0;

async function openKept(homes: Homes, name: Keeps, { place, tier, state }: Setting): Promise<Kept> {
  opened += 1;
  const home = name === 'durable (memory)' ? homes.memory : homes.disk;
  const { node } = home;
  const keeper = spawn(node, definitions[name], `keeper-${opened}`);
  await keeper.prepare([lengths[state], node.refTo(Meter, place === 'home' ? `${node.name}/adviser` : 'edge/adviser')], { timeoutMs: askTimeoutMs });
  let takeovers = 0;
  let isHere = true;
  const cancel = node.observe((event) => {
    if (event.type !== 'restored' || event.actor !== keeper.$address) return;
    takeovers += 1;
    isHere = true;
  });
  return {
    name,
    home,
    keeper,
    get takeovers() {
      return takeovers;
    },
    async settle() {
      if (place === 'home' || !isHere) return;
      await node.move(keeper.$address, { to: 'edge', token: tier });
      isHere = false;
    },
    async close() {
      await home.traffic.quiet();
      if (!isHere) await node.recall(keeper.$address);
      cancel();
      node.stop(keeper.$address);
    },
  };
}

async function measure(kept: readonly Kept[], setting: Setting, load: Load, effort: Effort): Promise<DurabilityMeasured[]> {
  for (const one of kept) await one.settle();
  const before = kept.map(({ takeovers }) => takeovers);
  const senders = kept.map((one) => senderTo(one, load));
  const measured = await compare(senders, load.inFlight, effort, load.operation === 'ask');
  const rows: DurabilityMeasured[] = [];
  for (const [index, one] of measured.entries()) {
    const count = Math.ceil(one.samples / effort.rounds / load.inFlight) * load.inFlight;
    const { home, keeper } = kept[index];
    const traffic = await home.traffic.during(keeper.$address, async () => {
      await senders[index].run(count);
      // A checkpoint may follow the answer, but comes before the next one.
      await keeper.echo(payload(), options);
    });
    rows.push({
      ...one,
      name: kept[index].name,
      addedUs: 1e6 / one.ratePerSecond - 1e6 / measured[0].ratePerSecond,
      refused: senders[index].refused,
      takeovers: kept[index].takeovers - before[index],
      perMessage: perMessage(traffic, setting, count + 1),
    });
  }
  return rows;
}

function perMessage({ captures, journals, linkBytes, diskBytes }: Traffic, { place }: Setting, count: number): Safekeeping {
  return {
    captures: captures / count,
    journals: journals / count,
    bytes: (place === 'away' ? linkBytes : diskBytes) / count,
    diskBytes: diskBytes / count,
  };
}

const payload = (): Increment => ({ type: 'inc', a: 1 });
const options = { timeoutMs: askTimeoutMs };
/** Milliseconds after which a message is sent again that the outbox had no room for. */
const roomAfterMs = 1;

/** A contestant that counts what it was refused. */
interface Sender extends Contestant {
  refused: number;
}

function senderTo({ name, keeper }: Kept, { operation, handler, inFlight }: Load): Sender {
  const ask = handler === 'awaiting' ? () => keeper.consult(payload(), options) : () => keeper.echo(payload(), options);
  const tell = handler === 'awaiting' ? () => dispatch(keeper, 'consult', payload()) : () => dispatch(keeper, 'count', payload());
  const sender: Sender = {
    name,
    refused: 0,
    async run(count, timesMs) {
      if (operation === 'ask') await keepInFlight(count, inFlight, () => askWithRoom(sender, ask), timesMs);
      else for (let sent = 0; sent < count; sent += inFlight) await burst();
    },
  };
  const burst = async () => {
    for (let index = 0; index < inFlight; index++) while (!fits(sender, tell)) await room();
    // Turns come in order: its answer says that the burst is handled.
    await askWithRoom(sender, () => keeper.echo(payload(), options));
  };
  return sender;
}

function fits(sender: Sender, tell: () => void): boolean {
  try {
    tell();
    return true;
  } catch (thrown) {
    return refused(sender, thrown);
  }
}

function askWithRoom(sender: Sender, ask: () => Promise<unknown>): Promise<unknown> {
  return ask().catch(async (thrown: unknown) => {
    refused(sender, thrown);
    await room();
    return askWithRoom(sender, ask);
  });
}

/** Counts a refusal for want of room. @returns false @throws what it was, otherwise */
function refused(sender: Sender, thrown: unknown): false {
  if (GodwitError.from(thrown).code !== 'RESOURCE_EXHAUSTED') throw thrown;
  sender.refused += 1;
  return false;
}

function room(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, roomAfterMs));
}

function cellsOf({ operation, place, tier, handler, state, inFlight }: DurabilityRow): string[] {
  return [operation, place, tier, handler, state, String(inFlight)];
}

function cellsOfMeasured({ name, ratePerSecond, ratio, addedUs, latencyMs, perMessage, refused: refusals, takeovers, samples }: DurabilityMeasured): string[] {
  const { captures, journals, bytes, diskBytes } = perMessage;
  return [
    name,
    Math.round(ratePerSecond).toLocaleString('en'),
    ratio.toFixed(2),
    addedUs.toFixed(1),
    latencyMs?.p50.toFixed(3) ?? '',
    latencyMs?.p99.toFixed(3) ?? '',
    captures.toFixed(3),
    journals.toFixed(3),
    bytes.toFixed(0),
    diskBytes.toFixed(0),
    String(refusals),
    String(takeovers),
    String(samples),
  ];
}
