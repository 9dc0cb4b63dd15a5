/**
 * The actors of a schedule. A ledger does what a job says: tells and asks others, sets timers, throws; and writes each of its turns into the
 * history. Everything it sends carries the number that the history gave it.
 */
import type { Context } from '../../actors/context.js';
import { type AnyDefinition, actor, type Definition } from '../../actors/definition.js';
import { dispatch, type Ref } from '../../actors/ref.js';
import type { ChannelRecord } from '../../delivery/record.js';
import { GodwitError } from '../../errors.js';
import type { CellSeen, History, Lineage, Pending, Sent, TurnSeen } from './history.js';

/** What a record asks its receiver to do; `record` is its number in the history. */
export interface Job {
  readonly record: number;
  readonly steps?: readonly Step[];
  /** True to throw when all steps are done: what the segment sent is discarded. */
  readonly throws?: boolean;
}

/** One thing a turn does. */
export interface Step {
  readonly type: 'tell' | 'ask' | 'timer';
  /** The actor it concerns; a timer concerns the actor itself. */
  readonly to: LedgerRef;
  /** Milliseconds: the ask's deadline, the timer's delay. */
  readonly ms: number;
  readonly steps: readonly Step[];
}

/** A stream of `items` numbers from `from` on. */
export interface Feed {
  readonly record: number;
  readonly items: number;
  readonly from: number;
  readonly isResumed: boolean;
}

// An alias, not an interface: only that fits a set of handlers by any name.
type LedgerHandlers = {
  readonly work: (state: Lineage, job: Job, ctx: Context) => number | Promise<number>;
  readonly feed: (state: Lineage, feed: Feed, ctx: Context) => AsyncGenerator<number>;
};
export type LedgerDefinition = Definition<Lineage, LedgerHandlers>;
export type LedgerRef = Ref<LedgerHandlers>;

/** The history that ledgers of this thread write: one schedule runs at a time. */
let history: History | undefined;
/** Bytes that the state of every ledger has beside its lineage. */
let bulk = '';

/** Ledgers write into `next` from now on. */
export function writeInto(next: History | undefined, bulkBytes = 0): void {
  history = next;
  bulk = '.'.repeat(bulkBytes);
}

function present(): History {
  if (history === undefined) throw new GodwitError('FAILED_PRECONDITION', 'a ledger ran outside of a schedule');
  return history;
}

const handlers: LedgerHandlers = {
  work(state, job, ctx) {
    const turn = begin(state, job.record, ctx);
    const first = sendUntilAsk(turn, turn.cell, job.steps ?? [], ctx, job.throws === true);
    if (job.throws === true) throw new GodwitError('INTERNAL', 'this job throws');
    return first === undefined ? turn.number : askAndGoOn(turn, first, ctx);
  },
  async *feed(state, feed, ctx) {
    // One that moved, or was taken back, before its first item is called with its first payload again, and by no record.
    if (!feed.isResumed && recordOf(ctx).cursor !== undefined) begin(state, feed.record, ctx);
    ctx.resume({ ...feed, isResumed: true });
    for (let item = feed.from; item < feed.items && !ctx.signal.aborted; item++) {
      ctx.resume({ ...feed, from: item + 1, isResumed: true });
      yield item;
    }
  },
};

/** The turn goes into the history with what the context knows and tells no handler: the cell it runs in, and the cursor that counts its record. */
function begin(state: Lineage, record: number, ctx: Context): TurnSeen {
  const { behaviour } = ctx as unknown as { readonly behaviour: { readonly host: { readonly cell: CellSeen } } };
  const { life = '', incarnation = 0 } = recordOf(ctx).cursor ?? {};
  return present().begin(state, record, behaviour.host.cell, { life, incarnation });
}

function recordOf(ctx: Context): ChannelRecord {
  return (ctx as unknown as { readonly turn: ChannelRecord }).turn;
}

/** Does what needs no waiting. @returns the steps from the first ask on; undefined if there is none */
function sendUntilAsk(turn: TurnSeen, cell: CellSeen, steps: readonly Step[], ctx: Context, isDiscarded: boolean): readonly Step[] | undefined {
  for (const [index, step] of steps.entries()) {
    if (step.type === 'ask') return steps.slice(index);
    const record = present().sendIn(turn, cell, step.type, step.type === 'timer' ? turn.actor : step.to.$address);
    if (isDiscarded) record.refusals++;
    const job: Job = { record: record.number, steps: step.steps };
    attempt(record, () => {
      if (step.type === 'tell') ctx.send<LedgerHandlers, 'work'>(step.to, 'work', job);
      else ctx.after(step.ms, 'work', job);
    });
  }
  return undefined;
}

async function askAndGoOn(turn: TurnSeen, steps: readonly Step[], ctx: Context): Promise<number> {
  const { cell } = turn;
  for (let left: readonly Step[] | undefined = steps; left !== undefined && left.length > 0; ) {
    const [step, ...rest] = left as [Step, ...Step[]];
    const record = present().sendIn(turn, cell, 'ask', step.to.$address);
    await ask(record, step.to, { record: record.number, steps: step.steps }, step.ms, () => cell.status === 'running');
    left = sendUntilAsk(turn, cell, rest, ctx, false);
  }
  return turn.number;
}

/** Asks, and waits for the end, whatever it is. I6 is that it comes. */
export async function ask(record: Sent, to: LedgerRef, job: Job, timeoutMs: number, isLiving: () => boolean): Promise<string> {
  const mine = present();
  const pending: Pending = { record, isLiving, what: `ask ${record.number} of ${record.from} to ${record.to}`, isOver: false };
  mine.pending.push(pending);
  try {
    const turn = await to.work(job, { timeoutMs });
    mine.answered.push({ record, turn });
    if (mine.turns[turn - 1]?.record !== record) mine.violate('I2', `${pending.what} was answered by turn ${turn}, which handled another record`);
    return 'OK';
  } catch (thrown) {
    const { code } = GodwitError.from(thrown);
    // Refused before it took a number, so that nobody may handle it.
    if (code === 'RESOURCE_EXHAUSTED') record.refusals++;
    return code;
  } finally {
    pending.isOver = true;
  }
}

/** Tells a ledger, as an application. */
export function tellLedger(record: Sent, to: LedgerRef, job: Job): void {
  attempt(record, () => dispatch<LedgerHandlers, 'work'>(to, 'work', job));
}

/** A send that is refused takes no number; only a full outbox or mailbox (I8), or an actor that has ended, may refuse. */
function attempt(record: Sent, send: () => void): void {
  try {
    send();
  } catch (thrown) {
    record.refusals++;
    const { code, message } = GodwitError.from(thrown);
    if (code !== 'RESOURCE_EXHAUSTED' && code !== 'CANCELLED' && code !== 'NOT_FOUND')
      present().violate('I8', `record ${record.number} was refused with ${code}: ${message}`);
    if (record.turn !== undefined) throw thrown;
  }
}

const state = (): Lineage => ({ head: 0, bulk });

/** Ledgers by what a crash may cost them. */
export const ledgers = {
  /** Comes back as it left its home. */
  volatile: actor<Lineage, LedgerHandlers>('ledger', { state, on: handlers }),
  /** Comes back from a checkpoint after every second turn. */
  checkpointed: actor<Lineage, LedgerHandlers>('checkpointed-ledger', { state, on: handlers, checkpointTurns: 2 }),
  /** Loses nothing. */
  durable: actor<Lineage, LedgerHandlers>('durable-ledger', { state, on: handlers, durability: 'durable' }),
} as const;

/** What a crash may cost a ledger. */
export type LedgerKind = keyof typeof ledgers;

export const definitions: readonly AnyDefinition[] = Object.values(ledgers);
