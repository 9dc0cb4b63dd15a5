// The receivers of a channel: how they come and go, what is handed to them, and how the channel learns what they have handled.
//
//     arrive ─► deliver ─► handled (a stream's reader says so) or receipt (an actor is asked) ─► deliver … ─► drop
//
// H2 A receiver is an open stream, which says by `handled` what it is done with, or an actor that gets messages: it is asked for a receipt behind them,
//    which comes when they were handled, or fails NOT_FOUND when nobody is there who will. While something is under way to an actor a receipt is asked
//    for, or a check is due that asks for one.
import type { Context } from '../actors/context.js';
import type { AnyRef, RefCore } from '../actors/ref.js';
import { type Code, errorFromValue, GodwitError } from '../errors.js';
import type { End } from './channel-outlet.js';
import { attach, detach, type Flow, handled, isFull, leave, putBack, type Queue, receiverOf, type Subscriber, take } from './flow.js';
import { changed, flowFrom, type HubState, other, wake } from './hub-state.js';
import { type ItemPayload, receiptMessage } from './item.js';

/** After this a receipt is asked for again: its answer may be lost with a host. In milliseconds; a handler that takes longer is heard of late. */
const receiptMs = 30_000;
/** How long somebody who receives already has to say so, in milliseconds, lest another takes its place. */
const presenceMs = 2000;

/** What the channel tells itself. */
export const itself = {
  leave(state: HubState, [end, id]: readonly [End, number], ctx: Context): void {
    checkItself(ctx);
    const flow = flowFrom(state, other(end), ctx);
    drop(flow, flow.queues.get(id));
  },

  /** A receipt has come, or will not. */
  receipt(state: HubState, [end, id, number, failure]: readonly [End, number, number, Code | undefined], ctx: Context): void {
    checkItself(ctx);
    const flow = flowFrom(state, other(end), ctx);
    const queue = flow.queues.get(id);
    if (queue === undefined) return;
    queue.asked -= 1;
    queue.answered += 1;
    if (failure === undefined) handled(flow, queue, number);
    else if (failure === 'NOT_FOUND') drop(flow, queue);
    // Its time has passed already; another failure may come at once, again and again, so that the next try waits for a check.
    else if (failure === 'DEADLINE_EXCEEDED') askMissingReceipt(queue, end, ctx);
    wake(queue);
    deliver(state, flow, end, ctx);
  },
};

/** What a stream's reader gets. */
export async function* received(
  state: HubState,
  flow: Flow,
  arriving: Queue | Promise<Queue>,
  end: End,
  ctx: Context,
): AsyncGenerator<ItemPayload, void, unknown> {
  const queue = await arriving;
  const { signal } = ctx;
  const onAbort = () => {
    queue.leaving = true;
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      if (queue.lost) throw tooSlow(state, ctx);
      const item = take(flow, queue);
      if (item !== undefined) yield [item.bytes, item.queue, item.number, item.tells];
      // What its reader has not handled when it ends would be the next receiver's.
      else if (flow.ended === undefined || queue.waiting.length + queue.underWay.length > 0) await changed(queue, signal);
      else if (flow.ended.error !== undefined) throw errorFromValue(flow.ended.error);
      else return;
    }
  } finally {
    // What the receiver said before it left may wait in the mailbox.
    if (signal.aborted) tellItself(ctx.self, 'leave', [end, queue.id]);
    else drop(flow, queue);
  }
}

/** Ends when the actor receives: its values come as messages. */
// biome-ignore lint/correctness/useYield: a stream, lest it holds up the channel while it waits for whoever leaves
export async function* subscribed(state: HubState, flow: Flow, arriving: Queue | Promise<Queue>, end: End, ctx: Context): AsyncGenerator<never, void, unknown> {
  await arriving;
  deliver(state, flow, end, ctx);
}

/** A receiver comes: at once, or when whoever received before it has gone. @throws {GodwitError} as {@link attach} */
export function arrive(flow: Flow, end: End, holder: string, subscriber: Subscriber | undefined, ctx: Context): Queue | Promise<Queue> {
  const present = receiverOf(flow);
  if (present === undefined || (present.subscriber === undefined && !present.leaving)) return attach(flow, holder, ctx.self.$address, subscriber);
  return departed(flow, present, end, ctx).then(() => attach(flow, holder, ctx.self.$address, subscriber));
}

/** Resolves when a receiver that is leaving has left; of an actor that is not, when it is known whether it is still there. */
async function departed(flow: Flow, present: Queue, end: End, ctx: Context): Promise<void> {
  const { answered } = present;
  if (!present.leaving) askReceipt(present, end, ctx, presenceMs);
  while (flow.queues.has(present.id) && (present.leaving || present.answered === answered)) {
    await changed(present, ctx.signal);
    if (ctx.signal.aborted) throw new GodwitError('CANCELLED', `nobody waits any more to receive from channel ${ctx.self.$address}`);
  }
}

/** An actor receives no more by this queue, but what is under way; its next subscription goes on from there. */
export function depart(queue: Queue, heir: Subscriber | undefined, flow: Flow, end: End, ctx: Context): void {
  leave(flow, queue, heir);
  if (queue.underWay.length > 0) askReceipt(queue, end, ctx);
}

/** The queue of an actor that subscribed. */
export function subscriptionOf(flow: Flow, address: string): Queue | undefined {
  for (const queue of flow.queues.values()) if (queue.subscriber?.ref.$address === address) return queue;
  return undefined;
}

/** H2: asks whether everything that is under way was handled. */
function askReceipt(queue: Queue, end: End, { self }: Context, timeoutMs = receiptMs): void {
  const { id, subscriber } = queue;
  const ref = subscriber?.ref as RefCore;
  const number = queue.handled + queue.underWay.length;
  const came = (failure: Code | undefined) => tellItself(self, 'receipt', [end, id, number, failure]);
  queue.asked += 1;
  ref.$holder.ask(ref, receiptMessage, undefined, { timeoutMs }).then(
    () => came(undefined),
    (thrown: unknown) => came(GodwitError.from(thrown).code),
  );
}

/** H2 */
export function askMissingReceipt(queue: Queue, end: End, ctx: Context): void {
  if (queue.subscriber !== undefined && queue.asked === 0 && queue.underWay.length > 0) askReceipt(queue, end, ctx);
}

/** From outside a turn. */
function tellItself<M extends keyof typeof itself>(self: AnyRef, message: M, payload: Parameters<(typeof itself)[M]>[1]): void {
  const core = self as RefCore;
  try {
    core.$holder.tell(core, message, payload);
  } catch (thrown) {
    // The channel has ended meanwhile, and its flows with it.
    if (GodwitError.from(thrown).code !== 'CANCELLED') throw thrown;
  }
}

function checkItself({ self, sender }: Context): void {
  if (sender?.$address !== self.$address) throw new GodwitError('PERMISSION_DENIED', `only channel ${self.$address} says so to itself`);
}

/** Hands what may be under way to actors, and wakes the streams and the senders. @param end the flow leads to */
export function deliver(state: HubState, flow: Flow, end: End, ctx: Context): void {
  // An heir that follows on a queue here is come to as well.
  for (const queue of flow.queues.values()) {
    if (queue.subscriber === undefined) wake(queue);
    else push(flow, queue, queue.subscriber, end, ctx);
  }
  wake(flow.senders);
  watch(state, flow, ctx);
}

function push(flow: Flow, queue: Queue, { ref, message, ended }: Subscriber, end: End, ctx: Context): void {
  const core = ref as RefCore;
  try {
    for (let item = take(flow, queue); item !== undefined; item = take(flow, queue)) {
      try {
        core.$holder.push(core, message, item.bytes);
      } catch (thrown) {
        putBack(queue);
        throw thrown;
      }
      if (item.tells) askReceipt(queue, end, ctx);
    }
    if (flow.ended !== undefined && queue.waiting.length === 0 && !queue.leaving) {
      const { error } = flow.ended;
      if (ended !== undefined) core.$holder.tell(core, ended, error === undefined ? undefined : errorFromValue(error));
      queue.leaving = true;
    }
  } catch (thrown) {
    // Its mailbox is full, say: what could not leave waits for the next check.
    ctx.log('warn', 'channel.receiver-refuses', { receiver: queue.holder, reason: GodwitError.from(thrown).message });
  }
  if (queue.leaving && queue.underWay.length === 0) drop(flow, queue);
}

function drop(flow: Flow, queue: Queue | undefined): void {
  if (queue === undefined) return;
  detach(flow, queue);
  wake(queue);
  wake(flow.senders);
}

/** One that stays unreachable is dropped observably, lest it holds up everybody (DESIGN §5). */
export function giveUp(state: HubState, flow: Flow, queue: Queue, ctx: Context): void {
  ctx.log('warn', 'channel.receiver-dropped', { receiver: queue.holder, waiting: queue.waiting.length, unreachableMs: state.options?.unreachableMs });
  const { subscriber, leaving } = queue;
  queue.lost = true;
  drop(flow, queue);
  const ref = subscriber?.ref as RefCore | undefined;
  if (subscriber?.ended !== undefined && !leaving) ref?.$holder.tell(ref, subscriber.ended, tooSlow(state, ctx));
}

/** There is something for its receiver, values or the end. */
function isOwed(flow: Flow, { waiting, underWay, leaving }: Queue): boolean {
  return waiting.length + underWay.length > 0 || (flow.ended !== undefined && !leaving);
}

/** Sees to it that a check comes while somebody makes others wait, or something is under way of which no receipt will tell. */
function watch(state: HubState, flow: Flow, ctx: Context): void {
  const { options } = state;
  if (options === undefined || state.checking) return;
  for (const queue of flow.queues.values()) {
    if (flow.fans && flow.overflow === 'wait' && isFull(flow, queue)) queue.seen = queue.handled;
    else if (queue.subscriber === undefined || queue.asked > 0 || !isOwed(flow, queue)) continue;
    state.checking = true;
  }
  if (state.checking) ctx.after(options.unreachableMs, 'check');
}

function tooSlow({ options }: HubState, ctx: Context): GodwitError {
  return new GodwitError(
    'UNAVAILABLE',
    `channel ${ctx.self.$address} dropped this receiver: it handled nothing for ${options?.unreachableMs} ms while others waited for it`,
    {
      retryable: true,
    },
  );
}
