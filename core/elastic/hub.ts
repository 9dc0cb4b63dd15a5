// The actor behind a channel. It stays on the node where the channel was made; its ends are refs to it, so what the delivery protocol promises of
// records holds for values: in order, once, whoever moves.
//
// H1 A flow changes only here, in one turn or one segment of a stream; who waits for a change is woken.
// Its receivers are in hub-receivers.ts.
import type { Context } from '../actors/context.js';
import { actor } from '../actors/definition.js';
import { type AnyRef, type RefCore, stop } from '../actors/ref.js';
import { errorFromValue, GodwitError, valueFromError } from '../errors.js';
import { closedDetails, type End } from './channel-outlet.js';
import { accept, createFlow, type Flow, grant, handled, isFull, refusedOf, type Subscriber } from './flow.js';
import { arrive, askMissingReceipt, deliver, depart, giveUp, itself, received, subscribed, subscriptionOf } from './hub-receivers.js';
import { addressOf, changed, flowFrom, type HubOptions, type HubState, other, wake } from './hub-state.js';
import type { ItemPayload } from './item.js';

/** How long a closed channel still answers that it is closed, in milliseconds; longer while values are in it that somebody receives. */
const lingerMs = 60_000;
/** So many times as long values wait in a closed channel for somebody to receive them: an hour. */
const maxUnclaimed = 60;

export const Hub = actor('godwit.channel', {
  needs: { pinned: true },
  state: (): HubState => ({ options: undefined, flows: {}, checking: false, unclaimed: 0 }),
  on: {
    open(state, options: HubOptions) {
      if (state.options !== undefined) return;
      const { capacity, overflow, replay } = options;
      const flows = state.flows as { [sender in End]?: Flow };
      flows.near = createFlow({ fans: options.many, capacity, overflow, replay: options.many ? replay : 0 });
      flows.far = createFlow({ fans: false, capacity, overflow, replay: 0 });
      state.options = options;
    },

    send(state, [end, bytes]: readonly [End, Uint8Array], ctx) {
      const flow = flowFrom(state, end, ctx);
      const from = addressOf(ctx);
      if (!flow.senders.has(from)) checkPlace(state, end, ctx);
      if (!accept(flow, from, bytes)) ctx.log('warn', 'channel.value-refused', { from, closed: flow.ended !== undefined });
      deliver(state, flow, other(end), ctx);
    },

    // @param waits a value has left for which there is no room yet
    async *room(state, [end, left, waits]: readonly [End, number, boolean], ctx) {
      const flow = flowFrom(state, end, ctx);
      checkPlace(state, end, ctx);
      const from = addressOf(ctx);
      let held = left;
      for (;;) {
        const refused = refusedOf(flow, from);
        if (flow.ended !== undefined && (refused > 0 || !waits)) throw closed(flow, ctx);
        if (refused > 0) throw refusal(refused, ctx);
        const room = flow.ended === undefined ? grant(flow, from, held) : 0;
        if (room > 0 || flow.ended !== undefined) {
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
      return received(state, flow, arrive(flow, end, addressOf(ctx), undefined, ctx), end, ctx);
    }),

    ...itself,

    subscribe: opened((state: HubState, asked: { readonly end: End; readonly message: string; readonly ended: string | undefined }, ctx: Context) => {
      const { end, message, ended } = asked;
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
      const subscriber: Subscriber = { ref, message, ended };
      const former = subscriptionOf(flow, ref.$address);
      if (former === undefined) return subscribed(state, flow, arrive(flow, end, ref.$address, subscriber, ctx), end, ctx);
      depart(former, subscriber, flow, end, ctx);
      return subscribed(state, flow, former, end, ctx);
    }),

    unsubscribe(state, end: End, ctx) {
      const flow = flowFrom(state, other(end), ctx);
      const queue = subscriptionOf(flow, addressOf(ctx));
      if (queue !== undefined) depart(queue, undefined, flow, end, ctx);
      deliver(state, flow, end, ctx);
    },

    handled(state, [end, id, number]: readonly [End, number, number], ctx) {
      const flow = flowFrom(state, other(end), ctx);
      const queue = flow.queues.get(id);
      // It may have been dropped, or its receiver replaced, since.
      if (queue === undefined || queue.holder !== addressOf(ctx)) return;
      handled(flow, queue, number);
      wake(queue);
      deliver(state, flow, end, ctx);
    },

    close(state, { end, error }: { readonly end: End; readonly error: GodwitError | undefined }, ctx) {
      flowFrom(state, end, ctx);
      checkPlace(state, end, ctx);
      if (state.options?.many === true && end === 'far')
        throw new GodwitError(
          'FAILED_PRECONDITION',
          `channel ${ctx.self.$address} is one-to-many: only its near end closes it; leave the loop, or unsubscribe`,
        );
      if (state.flows[end]?.ended !== undefined) return;
      for (const [from, flow] of Object.entries(state.flows) as Array<[End, Flow]>) {
        flow.ended = { error: error === undefined ? undefined : valueFromError(error) };
        deliver(state, flow, other(from), ctx);
      }
      ctx.after(lingerMs, 'expire');
    },

    expire(state, _payload: undefined, ctx) {
      const left = Object.values(state.flows)
        .flatMap((flow) => [...flow.queues.values()])
        .filter(({ waiting, underWay }) => waiting.length + underWay.length > 0);
      state.unclaimed = left.some(({ holder }) => holder !== undefined) ? 0 : state.unclaimed + 1;
      if (left.length > 0 && state.unclaimed < maxUnclaimed) {
        ctx.after(lingerMs, 'expire');
        return;
      }
      if (left.length > 0) ctx.log('warn', 'channel.values-unclaimed', { values: left.reduce((sum, { waiting }) => sum + waiting.length, 0) });
      stop(ctx.self);
    },

    check(state, _payload: undefined, ctx) {
      state.checking = false;
      for (const [from, flow] of Object.entries(state.flows) as Array<[End, Flow]>) {
        for (const queue of flow.queues.values()) {
          askMissingReceipt(queue, other(from), ctx);
          if (flow.fans && flow.overflow === 'wait' && isFull(flow, queue) && queue.seen === queue.handled) giveUp(state, flow, queue, ctx);
        }
        deliver(state, flow, other(from), ctx);
      }
    },
  },
});

/** A handler of a stream whose beginning is part of the turn that opens it. */
function opened<F>(handler: F): F {
  return Object.defineProperty(handler, Symbol.toStringTag, { value: 'AsyncGeneratorFunction' });
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

function refusal(refused: number, ctx: Context): GodwitError {
  return new GodwitError('DATA_LOSS', `channel ${ctx.self.$address} refused the latest ${refused} values: they were sent without room, too many in a row`);
}

function closed(flow: Flow, ctx: Context): GodwitError {
  const cause = flow.ended?.error === undefined ? undefined : errorFromValue(flow.ended.error);
  return new GodwitError('FAILED_PRECONDITION', `channel ${ctx.self.$address} was closed${cause === undefined ? '' : `: ${cause.message}`}`, {
    cause,
    details: closedDetails,
  });
}
