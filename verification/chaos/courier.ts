// The actor that is tormented: sends numbered entries to its peers by a timer, tells and asks, and keeps an account of what comes.
// A courier asks only those after it, so that no two wait for each other.
import { actor, type Context, type Durability, GodwitError, type Ref } from '#core';
import { type Account, type Entry, enter, openAccount, valueFor } from './entry.js';

/** The messages of a courier that another one knows. */
type Desk = {
  readonly put: (state: never, entry: Entry) => number;
  readonly accountOf: (state: never, from: string) => Account;
};

/** Which numbers a stream is to bring. */
export interface Count {
  readonly from: number;
  readonly upTo: number;
}

/** Whom a courier sends to. */
export interface Peer {
  readonly name: string;
  readonly ref: Ref<Desk>;
}

/** What a courier sent to one peer. */
export interface Sent {
  upTo: number;
  /** Numbers of asks that ended with an error: handled or not, both are right. */
  uncertain: number[];
  /** Those of them that ended by their deadline: nobody answered. */
  expired: number;
  /** Asks whose answer was not what an account that lost nothing says. */
  wrongAnswers: number;
}

/** What a courier tells at the end. */
export interface CourierReport {
  readonly name: string;
  readonly sent: Readonly<Record<string, Sent>>;
  readonly accounts: Readonly<Record<string, Account>>;
}

interface State {
  name: string;
  peers: Peer[];
  sent: Record<string, Sent>;
  accounts: Record<string, Account>;
  tickMs: number;
  ticks: number;
  ticking: boolean;
}

/** Every so many ticks, one of the entries is asked instead of told. */
const askEvery = 8;
/** Longer than any outage, one after another: an ask that ends by its deadline was lost. */
export const askMs = 45_000;

const codeOf = (thrown: unknown) => GodwitError.from(thrown).code;

const handlers = {
  /** Begins to send. Again after a restart of its device: the courier goes on as it is. */
  begin(state: State, { name, peers, tickMs }: { readonly name: string; readonly peers: Peer[]; readonly tickMs: number }, ctx: Context): void {
    if (state.ticking) return;
    Object.assign(state, { name, peers, tickMs, ticking: true });
    for (const peer of peers) state.sent[peer.name] ??= { upTo: 0, uncertain: [], expired: 0, wrongAnswers: 0 };
    ctx.after(tickMs, 'tick');
  },
  async tick(state: State, _nothing: undefined, ctx: Context): Promise<void> {
    if (!state.ticking) return;
    ctx.after(state.tickMs, 'tick');
    state.ticks += 1;
    for (const { name, ref } of state.peers) ctx.send(ref, 'put', nextEntry(state, name));
    const later = state.peers.filter((peer) => peer.name > state.name);
    if (state.ticks % askEvery !== 0 || later.length === 0) return;
    const { name, ref } = later[(state.ticks / askEvery) % later.length];
    const sent = state.sent[name];
    const entry = nextEntry(state, name);
    try {
      if ((await ref.put(entry, { timeoutMs: askMs })) !== entry.number) sent.wrongAnswers += 1;
    } catch (thrown) {
      ctx.log('warn', 'courier.uncertain', { to: name, number: entry.number, code: codeOf(thrown) });
      sent.uncertain.push(entry.number);
      if (codeOf(thrown) === 'DEADLINE_EXCEEDED') sent.expired += 1;
    }
  },
  /** @returns the highest number of this sender, which is the entry's own unless it came late */
  put(state: State, entry: Entry): number {
    state.accounts[entry.from] ??= openAccount();
    enter(state.accounts[entry.from], entry);
    return state.accounts[entry.from].last;
  },
  accountOf: (state: State, from: string): Account => state.accounts[from] ?? openAccount(),
  /** Numbers, in order, each once; goes on wherever its courier is. */
  *count(_state: State, { from, upTo }: Count, ctx: Context): Generator<number> {
    ctx.resume({ from, upTo });
    for (let number = from; number <= upTo; number++) {
      ctx.resume({ from: number + 1, upTo });
      yield number;
    }
  },
  /** Sends no more. */
  end(state: State): void {
    state.ticking = false;
  },
  /** Asks every peer: what was sent to it before is handled when it answers. */
  async settle(state: State): Promise<void> {
    for (const { ref } of state.peers) await ref.accountOf(state.name, { timeoutMs: askMs });
  },
  report: ({ name, sent, accounts }: State): CourierReport => ({ name, sent, accounts }),
} as const;

/** What every kind of courier is. @param durability what a crash may cost it */
function options<D extends Durability>(durability: D) {
  return {
    version: 1,
    source: import.meta.url,
    state: (): State => ({ name: '', peers: [], sent: {}, accounts: {}, tickMs: 0, ticks: 0, ticking: false }),
    durability,
    checkpointTurns: 1,
    on: handlers,
    needs: { memory: '4MiB' },
  } as const;
}

/** Loses nothing, whatever happens. */
export const DurableCourier = actor('durable-courier', options('durable'));

/** Loses nothing by moves and dropped links; what a crash costs it is observed. */
export const VolatileCourier = actor('volatile-courier', options('volatile'));

/** The courier of each durability. */
export const couriers = { durable: DurableCourier, volatile: VolatileCourier } as const;

export type CourierMessages = typeof DurableCourier.on;
export type CourierRef = Ref<CourierMessages>;

function nextEntry(state: State, to: string): Entry {
  const number = ++state.sent[to].upTo;
  return { from: state.name, number, value: valueFor(state.name, to, number) };
}
