// One direction of a channel as plain data: what was sent and not yet handled, by whom it was sent, and for whom it waits.
//
//     send ─► waiting (≤ capacity) ─ take ─► under way (≤ window) ─ handled ─► released: its sender has room again
//
// F1 A value is under way to a receiver, or waits for it, or was handled or dropped: each receiver has a queue of its own, in sending order.
// F2 Of one sender at most `capacity` values are held here, and one more that it waits for: what is held is bounded.
// F3 Without a fan there is one queue, which outlives its receivers: what one left unhandled the next one gets.
import type { AnyRef } from '../actors/ref.js';
import { type ErrorValue, GodwitError } from '../errors.js';

/** What happens to a value for which a receiver has no room. @public */
export type Overflow = 'wait' | 'drop-oldest' | 'drop-newest';

/** A value, shared by the queues of all its receivers. */
export interface Entry {
  readonly value: unknown;
  /** Address of its sender. */
  readonly from: string;
  /** Queues that hold it. */
  left: number;
}

/** What one sender may still send. */
export interface Credit {
  /** Granted and not used. */
  left: number;
  /** Its values that somebody has not handled yet. */
  open: number;
}

/** A receiver that gets values as messages: an actor. */
export interface Subscriber {
  readonly ref: AnyRef;
  readonly message: string;
  /** Tells of the channel's end. */
  readonly ended: string | undefined;
}

/** What waits for one receiver. */
export interface Queue {
  readonly id: number;
  /** Address of the receiver; undefined while nobody receives (F3). */
  readonly holder: string | undefined;
  /** Undefined for a receiver that has a stream open. */
  readonly subscriber: Subscriber | undefined;
  waiting: Entry[];
  underWay: Entry[];
  /** Number of its latest value that was handled; the first value under way has the next one. */
  handled: number;
  /** Values that `overflow` took out of it. */
  dropped: number;
  /** `handled` when the queue was last found full. */
  seen: number;
  /** Set when it was given up, since its receiver stood in everybody's way. */
  lost: boolean;
  /** Set when its receiver stops; what it says it has handled may still have to be heard. */
  leaving: boolean;
}

/** One direction of a channel. */
export interface Flow {
  /** True if every receiver gets every value. */
  readonly fans: boolean;
  readonly capacity: number;
  readonly overflow: Overflow;
  /** Values kept for receivers that come later. */
  readonly replay: number;
  readonly senders: Map<string, Credit>;
  readonly queues: Map<number, Queue>;
  nextQueue: number;
  recent: Entry[];
  /** Set when the channel was closed: nothing more is sent. */
  ended: { readonly error: ErrorValue | undefined } | undefined;
}

/** A value on its way to a receiver. */
export interface Item {
  readonly value: unknown;
  readonly queue: number;
  readonly number: number;
  /** True if the receiver is to say that it has handled everything up to this one. */
  readonly tells: boolean;
}

/** Values under way to one receiver: enough to fill a link, and no more than a stream's reader holds. */
const maxWindow = 32;
/** Senders and receivers of one direction. */
const maxEnds = 1 << 16;

export function createFlow(options: Pick<Flow, 'fans' | 'capacity' | 'overflow' | 'replay'>): Flow {
  const flow: Flow = { ...options, senders: new Map(), queues: new Map(), nextQueue: 1, recent: [], ended: undefined };
  if (!flow.fans) addQueue(flow, []);
  return flow;
}

/** Takes a value in. @returns false if it came after the end, or without credit */
export function accept(flow: Flow, from: string, value: unknown): boolean {
  const credit = creditOf(flow, from);
  // One more than granted: a sender that has used its credit up sends first and waits afterwards.
  if (flow.ended !== undefined || credit.left < 0) return false;
  credit.left -= 1;
  const entry: Entry = { value, from, left: 0 };
  for (const queue of flow.queues.values()) enqueue(flow, queue, entry);
  if (flow.replay > 0) {
    flow.recent.push(entry);
    if (flow.recent.length > flow.replay) flow.recent.shift();
  }
  return true;
}

/** What the sender may send from now on (F2). @param left what it holds @returns how many more; 0 for none yet */
export function grant(flow: Flow, from: string, left: number): number {
  const credit = creditOf(flow, from);
  credit.left = Math.min(credit.left, left);
  const room = flow.capacity + 1 - Math.max(0, credit.left) - (flow.overflow === 'wait' ? credit.open : 0);
  if (room < Math.max(1, Math.floor(flow.capacity / 4))) return 0;
  credit.left = Math.max(0, credit.left) + room;
  return room;
}

/** The next value for a receiver, if there is one and it may be under way. */
export function take(flow: Flow, queue: Queue): Item | undefined {
  const window = windowOf(flow);
  if (queue.underWay.length >= window) return undefined;
  const entry = queue.waiting.shift();
  if (entry === undefined) return undefined;
  queue.underWay.push(entry);
  const tells = queue.waiting.length === 0 || queue.underWay.length * 2 >= window;
  return { value: entry.value, queue: queue.id, number: queue.handled + queue.underWay.length, tells };
}

/** The receiver has handled everything up to `number`. */
export function handled(flow: Flow, queue: Queue, number: number): void {
  while (queue.handled < number && queue.underWay.length > 0) {
    queue.handled += 1;
    release(flow, queue.underWay.shift() as Entry);
  }
}

/** A receiver comes. @throws {GodwitError} FAILED_PRECONDITION there is one already, and the flow has no fan · RESOURCE_EXHAUSTED there are too many */
export function attach(flow: Flow, holder: string, name: string, subscriber?: Subscriber): Queue {
  if (flow.fans) return addQueue(flow, [...flow.recent], holder, subscriber);
  const [present] = flow.queues.values();
  // It comes back: what it had handled before it has said before.
  if (present?.leaving === true && present.holder === holder) detach(flow, present);
  const [queue] = flow.queues.values();
  if (queue?.holder !== undefined) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `channel ${name} is one-to-one, and ${queue.holder} ${queue.leaving ? 'is only leaving it: try again' : 'receives from it already'}`,
      {
        retryable: queue.leaving,
      },
    );
  }
  flow.queues.clear();
  return addQueue(flow, queue?.waiting ?? [], holder, subscriber);
}

/** A receiver goes; F3. */
export function detach(flow: Flow, queue: Queue): void {
  if (!flow.queues.delete(queue.id)) return;
  const kept = [...queue.underWay, ...queue.waiting];
  if (!flow.fans) addQueue(flow, kept);
  else for (const entry of kept) release(flow, entry);
}

/** True if it makes senders wait, or drops values. */
export function isFull(flow: Flow, queue: Queue): boolean {
  return queue.waiting.length + (flow.overflow === 'wait' ? queue.underWay.length : 0) >= flow.capacity;
}

function addQueue(flow: Flow, entries: readonly Entry[], holder?: string, subscriber?: Subscriber): Queue {
  if (flow.queues.size >= maxEnds) throw new GodwitError('RESOURCE_EXHAUSTED', `a channel has at most ${maxEnds} receivers`);
  const queue: Queue = { id: flow.nextQueue++, holder, subscriber, waiting: [], underWay: [], handled: 0, dropped: 0, seen: -1, lost: false, leaving: false };
  flow.queues.set(queue.id, queue);
  // What nobody received keeps its place; what is shown again to a late receiver is held once more.
  if (!flow.fans) queue.waiting.push(...entries);
  else for (const entry of entries) hold(flow, queue, entry);
  return queue;
}

function enqueue(flow: Flow, queue: Queue, entry: Entry): void {
  if (flow.overflow !== 'wait' && isFull(flow, queue)) {
    queue.dropped += 1;
    if (flow.overflow === 'drop-newest') return;
    release(flow, queue.waiting.shift() as Entry);
  }
  hold(flow, queue, entry);
}

function hold(flow: Flow, queue: Queue, entry: Entry): void {
  queue.waiting.push(entry);
  if (entry.left++ === 0) creditOf(flow, entry.from).open += 1;
}

function release(flow: Flow, entry: Entry): void {
  entry.left -= 1;
  if (entry.left === 0) creditOf(flow, entry.from).open -= 1;
}

function creditOf(flow: Flow, from: string): Credit {
  let credit = flow.senders.get(from);
  if (credit === undefined) {
    // Who has nothing here loses but its credit, and asks for more.
    if (flow.senders.size >= maxEnds) for (const [sender, { open }] of flow.senders) if (open === 0) flow.senders.delete(sender);
    if (flow.senders.size >= maxEnds) throw new GodwitError('RESOURCE_EXHAUSTED', `a channel has at most ${maxEnds} senders with values in it`);
    credit = { left: 0, open: 0 };
    flow.senders.set(from, credit);
  }
  return credit;
}

function windowOf({ capacity }: Flow): number {
  return Math.min(maxWindow, Math.max(1, Math.ceil(capacity / 2)));
}
