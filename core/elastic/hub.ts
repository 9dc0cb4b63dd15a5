// The actor behind a channel. It stays on the node where the channel was made; its ends are refs to it, so what the delivery protocol promises of
// records holds for values: in order, once, whoever moves.
//
// H1 A flow changes only here, in one turn or one segment of a stream; who waits for a change is woken.
// H2 A receiver is an open stream (`receive`), or an actor that gets messages (`subscribe`); both say by `handled` what they are done with.
import type { Context } from '../actors/context.js';
import { actor } from '../actors/definition.js';
import { type AnyRef, dispatch, type Ref, type RefCore, stop } from '../actors/ref.js';
import { errorFromValue, GodwitError, valueFromError } from '../errors.js';
import { closedDetails, type End } from './endpoint.js';
import { accept, attach, createFlow, detach, type Flow, grant, handled, type Item, isFull, type Overflow, type Queue, take } from './flow.js';
import type { ItemPayload } from './item.js';

/** What a channel is opened with. */
export interface HubOptions {
  readonly many: boolean;
  readonly near: 'static' | 'flexible';
  readonly far: 'static' | 'flexible';
  readonly capacity: number;
  readonly overflow: Overflow;
  readonly replay: number;
  readonly unreachableMs: number;
}

interface HubState {
  options: HubOptions | undefined;
  /** From the near end to the far one, and back. */
  readonly flows: { readonly [sender in End]?: Flow };
  checking: boolean;
}

/** How long a closed channel still answers that it is closed, in milliseconds. */
const lingerMs = 60_000;

const other = (end: End): End => (end === 'near' ? 'far' : 'near');
/** Who waits for a change of a queue, or for room: not part of the state, since whoever waits has a stream open. */
const wakers = new WeakMap<object, Set<() => void>>();

function wake(waitedFor: object): void {
  const waiting = wakers.get(waitedFor);
  wakers.delete(waitedFor);
  for (const go of waiting ?? []) go();
}

/** Resolves at the next {@link wake} of it, or when the asker gives up. */
function changed(waitedFor: object, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let waiting = wakers.get(waitedFor);
    if (waiting === undefined) {
      waiting = new Set();
      wakers.set(waitedFor, waiting);
    }
    const go = () => {
      signal.removeEventListener('abort', go);
      resolve();
    };
    waiting.add(go);
    signal.addEventListener('abort', go, { once: true });
  });
}

/** What the channel tells itself. */
const leaving = {
  leave(state: HubState, [end, id]: readonly [End, number], ctx: Context): void {
    const flow = flowFrom(state, other(end), ctx);
    drop(flow, flow.queues.get(id));
  },
};

export const Hub = actor('godwit.channel', {
  needs: { pinned: true },
  state: (): HubState => ({ options: undefined, flows: {}, checking: false }),
  on: {
    open(state, options: HubOptions) {
      if (state.options !== undefined) return;
      const { capacity, overflow, replay } = options;
      const flows = state.flows as { [sender in End]?: Flow };
      flows.near = createFlow({ fans: options.many, capacity, overflow, replay: options.many ? replay : 0 });
      flows.far = createFlow({ fans: false, capacity, overflow, replay: 0 });
      state.options = options;
    },

    send(state, [end, value]: readonly [End, unknown], ctx) {
      const flow = flowFrom(state, end, ctx);
      const from = addressOf(ctx);
      if (!flow.senders.has(from)) checkPlace(state, end, ctx);
      if (!accept(flow, from, value)) ctx.log('warn', 'channel.value-refused', { from, closed: flow.ended !== undefined });
      deliver(flow, other(end));
      watch(state, flow, ctx);
    },

    async *room(state, [end, left]: readonly [End, number], ctx) {
      const flow = flowFrom(state, end, ctx);
      checkPlace(state, end, ctx);
      const from = addressOf(ctx);
      let held = left;
      for (;;) {
        if (flow.ended !== undefined) throw closed(flow, ctx);
        const room = grant(flow, from, held);
        if (room > 0) {
          yield room;
          return;
        }
        await changed(flow.senders, ctx.signal);
        if (ctx.signal.aborted) return;
        held = Number.POSITIVE_INFINITY;
      }
    },

    // The receiver is there from this turn on, not from when its first value is pulled.
    receive: opened((state: HubState, end: End, ctx: Context): AsyncGenerator<ItemPayload, void, unknown> => {
      const flow = flowFrom(state, other(end), ctx);
      checkPlace(state, end, ctx);
      return received(state, flow, attach(flow, addressOf(ctx), ctx.self.$address), end, ctx);
    }),

    ...leaving,

    subscribe(state, { end, message, ended }: { readonly end: End; readonly message: string; readonly ended: string | undefined }, ctx) {
      const flow = flowFrom(state, other(end), ctx);
      checkPlace(state, end, ctx);
      const ref = ctx.sender as RefCore;
      for (const name of ended === undefined ? [message] : [message, ended]) {
        if (ref.$protocol.messages[name] === 'reply') continue;
        throw new GodwitError(
          'INVALID_ARGUMENT',
          `${ref.$address} has no message '${name}' for the values of channel ${ctx.self.$address}: an actor subscribes, an application iterates`,
        );
      }
      attach(flow, ref.$address, ctx.self.$address, { ref, message, ended });
      deliver(flow, end);
    },

    unsubscribe(state, end: End, ctx) {
      const flow = flowFrom(state, other(end), ctx);
      for (const queue of [...flow.queues.values()]) if (queue.subscriber?.ref.$address === addressOf(ctx)) drop(flow, queue);
    },

    handled(state, [end, id, number]: readonly [End, number, number], ctx) {
      const flow = flowFrom(state, other(end), ctx);
      const queue = flow.queues.get(id);
      // It may have been dropped, or its receiver replaced, since.
      if (queue === undefined || queue.holder !== addressOf(ctx)) return;
      handled(flow, queue, number);
      wake(flow.senders);
      wake(queue);
      deliver(flow, end);
    },

    close(state, { end, error }: { readonly end: End; readonly error: GodwitError | undefined }, ctx) {
      flowFrom(state, end, ctx);
      checkPlace(state, end, ctx);
      if (state.options?.many === true && end === 'far')
        throw new GodwitError(
          'FAILED_PRECONDITION',
          `channel ${ctx.self.$address} is one-to-many: only its near end closes it; leave the loop, or unsubscribe`,
        );
      for (const [from, flow] of Object.entries(state.flows) as Array<[End, Flow]>) {
        if (flow.ended !== undefined) continue;
        flow.ended = { error: error === undefined ? undefined : valueFromError(error) };
        deliver(flow, other(from));
      }
      ctx.after(lingerMs, 'expire');
    },

    expire(_state, _payload: undefined, ctx) {
      stop(ctx.self);
    },

    check(state, _payload: undefined, ctx) {
      state.checking = false;
      for (const flow of Object.values(state.flows)) {
        for (const queue of [...flow.queues.values()]) {
          if (!isFull(flow, queue) || queue.holder === undefined) continue;
          if (queue.seen === queue.handled) {
            ctx.log('warn', 'channel.receiver-dropped', { receiver: queue.holder, waiting: queue.waiting.length, unreachableMs: state.options?.unreachableMs });
            queue.lost = true;
            drop(flow, queue);
          }
        }
        watch(state, flow, ctx);
      }
    },
  },
});

/** A handler of a stream whose beginning is part of the turn that opens it. */
function opened<F>(handler: F): F {
  return Object.defineProperty(handler, Symbol.toStringTag, { value: 'AsyncGeneratorFunction' });
}

async function* received(state: HubState, flow: Flow, queue: Queue, end: End, ctx: Context): AsyncGenerator<ItemPayload, void, unknown> {
  const { signal } = ctx;
  const onAbort = () => {
    queue.leaving = true;
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      if (queue.lost) throw tooSlow(state, ctx);
      const item = take(flow, queue);
      if (item !== undefined) yield payloadOf(item, flow, end, ctx.self as RefCore);
      else if (flow.ended === undefined || queue.waiting.length > 0) await changed(queue, signal);
      else if (flow.ended.error !== undefined) throw errorFromValue(flow.ended.error);
      else return;
    }
  } finally {
    // What the receiver said before it left may wait in the mailbox.
    if (signal.aborted) dispatch(ctx.self as unknown as Ref<typeof leaving>, 'leave', [end, queue.id]);
    else drop(flow, queue);
  }
}

/** What the end sends into. @throws {GodwitError} FAILED_PRECONDITION the channel was never opened here */
function flowFrom(state: HubState, end: End, ctx: Context): Flow {
  const flow = state.flows[end];
  if (flow === undefined) throw new GodwitError('FAILED_PRECONDITION', `channel ${ctx.self.$address} is not open: its node was restarted; make it again`);
  return flow;
}

/** A static end is used where the channel is. */
function checkPlace({ options }: HubState, end: End, ctx: Context): void {
  if (options?.[end] !== 'static' || ctx.sender === undefined) return;
  const [here, there] = [nodeOf(ctx.self), nodeOf(ctx.sender)];
  if (there === undefined || there === here) return;
  throw new GodwitError(
    'FAILED_PRECONDITION',
    `the ${end} end of channel ${ctx.self.$address} is static: it belongs to node ${here}, and ${ctx.sender.$address} is on ${there}; declare it flexible`,
  );
}

/** An application is its node. */
function nodeOf(ref: AnyRef): string | undefined {
  return ref.$address.includes('/') ? ref.$where?.node : ref.$address;
}

/** Hands what may be under way to actors, and wakes the streams. @param end the flow leads to */
function deliver(flow: Flow, end: End): void {
  for (const queue of [...flow.queues.values()]) {
    const { subscriber } = queue;
    if (subscriber === undefined) {
      wake(queue);
      continue;
    }
    const { ref, message, ended } = subscriber;
    const core = ref as RefCore;
    for (let item = take(flow, queue); item !== undefined; item = take(flow, queue)) core.$holder.push(core, message, payloadOf(item, flow, end, core));
    if (flow.ended === undefined || queue.waiting.length > 0) continue;
    const { error } = flow.ended;
    if (ended !== undefined) core.$holder.tell(core, ended, error === undefined ? undefined : errorFromValue(error));
    drop(flow, queue);
  }
  wake(flow.senders);
}

/** Receivers of one heap must not share what they may change: each gets a copy of its own. */
function payloadOf({ value, queue, number, tells }: Item, { fans }: Flow, end: End, { $holder }: RefCore): ItemPayload {
  const own = fans && typeof value === 'object' && value !== null ? $holder.copy(value) : value;
  return [own, end, queue, number, tells];
}

function drop(flow: Flow, queue: Queue | undefined): void {
  if (queue === undefined) return;
  detach(flow, queue);
  wake(queue);
  wake(flow.senders);
}

/** One that stays unreachable is dropped observably, lest it holds up everybody (DESIGN §5). */
function watch(state: HubState, flow: Flow, ctx: Context): void {
  const { options } = state;
  if (options === undefined || state.checking || !flow.fans || flow.overflow !== 'wait') return;
  const full = [...flow.queues.values()].filter((queue) => isFull(flow, queue));
  if (full.length === 0) return;
  for (const queue of full) queue.seen = queue.handled;
  state.checking = true;
  ctx.after(options.unreachableMs, 'check');
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

function closed(flow: Flow, ctx: Context): GodwitError {
  const cause = flow.ended?.error === undefined ? undefined : errorFromValue(flow.ended.error);
  return new GodwitError('FAILED_PRECONDITION', `channel ${ctx.self.$address} was closed${cause === undefined ? '' : `: ${cause.message}`}`, {
    cause,
    details: closedDetails,
  });
}

function addressOf(ctx: Context): string {
  return ctx.sender?.$address ?? '';
}
