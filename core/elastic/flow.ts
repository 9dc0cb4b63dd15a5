// One direction of a channel as plain data: what was sent and not yet handled, by whom it was sent, and for whom it waits.
//
//     send ─► waiting (≤ capacity) ─ take ─► under way (≤ window) ─ handled ─► released: its sender has room again
//
// F1 A value is under way to a receiver, or waits for it, or was handled or dropped: each receiver has a queue of its own, in sending order.
// F2 A sender is granted room for `capacity` values that are not handled yet, and sends one beyond for whose room it waits. One that moved, or gave
//    up waiting, may do so again: up to `spare` more than twice `capacity` of its values are taken in. What is refused after that it is told of.
// F3 Without a fan there is one queue, which outlives its receivers: what one left unhandled the next one gets.
// F4 A queue that is leaving takes nothing more. It ends when what is under way was handled, or is known never to be; an heir goes on from there.
import type { AnyRef } from '../actors/ref.js';
import { type ErrorValue, GodwitError } from '../errors.js';

/** What happens to a value for which a receiver has no room. @public */
export type Overflow = 'wait' | 'drop-oldest' | 'drop-newest';

/** A value, shared by the queues of all its receivers: encoded by its sender, decoded by each of them. */
export interface Entry {
  readonly bytes: Uint8Array;
  /** Address of its sender. */
  readonly from: string;
  /** Queues that hold it. */
  left: number;
}

/** What one sender may still send. */
export interface Credit {
  /** Granted and not used; below 0 for what came without. */
  left: number;
  /** Its values that somebody has not handled yet. */
  open: number;
  /** Its values that were refused, and of which it has not been told. */
  refused: number;
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
  /** `handled` when the queue was last found full. */
  seen: number;
  /** Set when it was given up, since its receiver stood in everybody's way. */
  lost: boolean;
  /** F4 */
  leaving: boolean;
  /** The same receiver, which subscribed again. */
  heir: Subscriber | undefined;
  /** Receipts that were asked for and have not come yet, and how many have, one way or the other. */
  asked: number;
  answered: number;
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
  readonly bytes: Uint8Array;
  readonly queue: number;
  readonly number: number;
  /** True if the receiver is to say that it has handled everything up to this one. */
  readonly tells: boolean;
}

/** Values under way to one receiver: enough to fill a link, and no more than a stream's reader holds. */
const maxWindow = 32;
/** Senders and receivers of one direction. */
const maxEnds = 1 << 16;
/** F2: moves with a value let go, and waits given up, in a row. */
const spare = 32;

export function createFlow(options: Pick<Flow, 'fans' | 'capacity' | 'overflow' | 'replay'>): Flow {
  const flow: Flow = { ...options, senders: new Map(), queues: new Map(), nextQueue: 1, recent: [], ended: undefined };
  if (!flow.fans) addQueue(flow, []);
  return flow;
}

/** Takes a value in. @returns false if it came after the end, or beyond F2: {@link refusedOf} tells its sender */
export function accept(flow: Flow, from: string, bytes: Uint8Array): boolean {
  const credit = creditOf(flow, from);
  if (flow.ended !== undefined || (flow.overflow === 'wait' && credit.open >= 2 * flow.capacity + spare)) {
    credit.refused += 1;
    return false;
  }
  credit.left -= 1;
  const entry: Entry = { bytes, from, left: 0 };
  for (const queue of flow.queues.values()) if (!flow.fans || !queue.leaving || queue.heir !== undefined) enqueue(flow, queue, entry);
  if (flow.replay > 0) {
    flow.recent.push(entry);
    if (flow.recent.length > flow.replay) flow.recent.shift();
  }
  return true;
}

/** How many values of the sender were refused since this was last asked. */
export function refusedOf(flow: Flow, from: string): number {
  const credit = creditOf(flow, from);
  const { refused } = credit;
  credit.refused = 0;
  return refused;
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
  if (queue.leaving || queue.underWay.length >= window) return undefined;
  const entry = queue.waiting.shift();
  if (entry === undefined) return undefined;
  queue.underWay.push(entry);
  const number = queue.handled + queue.underWay.length;
  // Twice a window, so that the next values are on their way while the former are handled; and with the last one there is.
  const tells = queue.waiting.length === 0 || number % Math.ceil(window / 2) === 0;
  return { bytes: entry.bytes, queue: queue.id, number, tells };
}

/** The latest value taken could not leave. */
export function putBack(queue: Queue): void {
  queue.waiting.unshift(queue.underWay.pop() as Entry);
}

/** The receiver has handled everything up to `number`. */
export function handled(flow: Flow, queue: Queue, number: number): void {
  while (queue.handled < number && queue.underWay.length > 0) {
    queue.handled += 1;
    release(flow, queue.underWay.shift() as Entry);
  }
}

/** Whoever receives from a flow without a fan. */
export function receiverOf(flow: Flow): Queue | undefined {
  const [queue] = flow.fans ? [] : flow.queues.values();
  return queue?.holder === undefined ? undefined : queue;
}

/** A receiver comes. @throws {GodwitError} FAILED_PRECONDITION there is one already, and the flow has no fan · RESOURCE_EXHAUSTED there are too many */
export function attach(flow: Flow, holder: string, name: string, subscriber?: Subscriber): Queue {
  if (flow.fans) return addQueue(flow, [...flow.recent], holder, subscriber);
  const present = receiverOf(flow);
  if (present !== undefined) throw new GodwitError('FAILED_PRECONDITION', `channel ${name} is one-to-one, and ${present.holder} receives from it already`);
  const [queue] = flow.queues.values();
  flow.queues.clear();
  return addQueue(flow, queue?.waiting ?? [], holder, subscriber);
}

/** F4: the receiver goes, or its heir goes on. */
export function leave(flow: Flow, queue: Queue, heir?: Subscriber): void {
  queue.leaving = true;
  queue.heir = heir;
  if (flow.fans && heir === undefined) for (const entry of queue.waiting.splice(0)) release(flow, entry);
}

/** A receiver is gone; F3, F4. */
export function detach(flow: Flow, queue: Queue): void {
  if (!flow.queues.delete(queue.id)) return;
  const kept = [...queue.underWay, ...queue.waiting];
  if (!flow.fans || queue.heir !== undefined) addQueue(flow, kept, queue.heir === undefined ? undefined : queue.holder, queue.heir);
  if (flow.fans) for (const entry of kept) release(flow, entry);
}

/** True if it makes senders wait, or drops values. */
export function isFull(flow: Flow, queue: Queue): boolean {
  return queue.waiting.length + (flow.overflow === 'wait' ? queue.underWay.length : 0) >= flow.capacity;
}

function addQueue(flow: Flow, entries: readonly Entry[], holder?: string, subscriber?: Subscriber): Queue {
  if (flow.queues.size >= maxEnds) throw new GodwitError('RESOURCE_EXHAUSTED', `a channel has at most ${maxEnds} receivers`);
  const queue: Queue = {
    id: flow.nextQueue++,
    holder,
    subscriber,
    waiting: [],
    underWay: [],
    handled: 0,
    seen: -1,
    lost: false,
    leaving: false,
    heir: undefined,
    asked: 0,
    answered: 0,
  };
  flow.queues.set(queue.id, queue);
  // What nobody received keeps its place; what is shown again to a late receiver is held once more.
  if (!flow.fans) queue.waiting.push(...entries);
  else for (const entry of entries) hold(flow, queue, entry);
  return queue;
}

function enqueue(flow: Flow, queue: Queue, entry: Entry): void {
  if (flow.overflow !== 'wait' && isFull(flow, queue)) {
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
    // Who has nothing here loses but its credit, and what it sends with it is taken in all the same (F2).
    if (flow.senders.size >= maxEnds) for (const [sender, { open, refused }] of flow.senders) if (open === 0 && refused === 0) flow.senders.delete(sender);
    if (flow.senders.size >= maxEnds) throw new GodwitError('RESOURCE_EXHAUSTED', `a channel has at most ${maxEnds} senders with values in it`);
    credit = { left: 0, open: 0, refused: 0 };
    flow.senders.set(from, credit);
  }
  return credit;
}

function windowOf({ capacity }: Flow): number {
  return Math.min(maxWindow, Math.max(1, Math.ceil(capacity / 2)));
}
