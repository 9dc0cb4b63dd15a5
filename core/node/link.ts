// The one connection between this node and another: carries the records of many streams, their acknowledgements, and control messages,
// over one pipe after another. What a pipe lost is sent again on the next one; cursors drop what had arrived.
//
// L1 Whatever is written between two microtask checkpoints leaves as one frame.
// L2 Stream numbers and names belong to one session (one pipe): each session opens its streams anew.
// L3 A record enters a cell only under the epoch and incarnation its cursor knows now (I3).

import { decode, encode } from '../codec/index.js';
import { type AcknowledgementSink, type Cursor, creditWindow } from '../delivery/cursor.js';
import { ChannelRecord, isTurn, recordKinds } from '../delivery/record.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { GodwitError } from '../errors.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Target } from '../ports/runtime.js';
import type { Pipe } from '../ports/transport.js';
import type { Cell } from './cell.js';
import type { Channel } from './channel.js';
import { type Directory, homeOf } from './directory.js';
import { outgoingRefs } from './refs.js';

/** A node, told from earlier lives of the same name. */
export interface Peer {
  readonly node: string;
  readonly boot: string;
}

/** Any message between nodes that is not a record; `type` says what it is. */
export interface ControlMessage {
  readonly type: string;
}

/** What a link needs of its node. */
export interface LinkHost {
  readonly clock: Clock;
  readonly directory: Directory;
  now(): number;
  cell(address: string): Cell | undefined;
  control(link: Link, message: ControlMessage): void;
  /** What a sender is told whose record found nobody here. */
  answer(address: string): BounceAnswer;
  /** The peer said where the receiver of `channel` is, or that it knows nothing of it. */
  bounced(channel: Channel, link: Link, answer: BounceAnswer): void;
  /** A takeover lost records of a stream. */
  gap(cell: Cell, cursor: Cursor): void;
  /** Everything that an ended sender had sent on this channel has arrived. */
  delivered(channel: Channel): void;
  linkDown(link: Link, reason: string): void;
  linkFailed(link: Link, error: GodwitError): void;
}

/** Why a stream was not accepted. */
export interface BounceAnswer {
  /** Owner and epoch the refusing node knows, if it knows any. */
  readonly node?: string;
  readonly epoch?: number;
  /** True if the sender itself is of an older life or epoch. */
  readonly fenced?: boolean;
  /** True if the actor is on its way to the refusing node. */
  readonly coming?: boolean;
}

interface OpenBody {
  readonly from: Target;
  readonly life: string;
  readonly incarnation: number;
  readonly epoch: number;
  readonly to: string;
}

interface Incoming {
  readonly cell: Cell;
  readonly cursor: Cursor;
  readonly epoch: number;
}

/** Bytes a pipe may hold before the link waits for it to drain: more would only queue stale frames. */
const highWaterBytes = 1024 * 1024;
/** Bytes after which a frame is closed and the next begun. */
const frameBytes = 256 * 1024;
/** An acknowledgement waits this long for a frame to ride on. */
const acknowledgeAfterMs = 5;
/** Handled records after which an acknowledgement waits no longer. */
const acknowledgeAfterRecords = creditWindow / 4;
const pingEveryMs = 5000;

export class Link implements AcknowledgementSink {
  rttMs = Number.NaN;
  private pipe: Pipe | undefined;
  private readonly writer = new FrameWriter();
  private ready: Channel[] = [];
  private dirty: Cursor[] = [];
  private channels: Array<Channel | undefined> = [undefined];
  private incoming: Array<Incoming | undefined> = [];
  private namesOut = new Map<string, number>();
  private namesIn: string[] = [];
  private scheduled = false;
  private cancelAcknowledge: Cancel | undefined;
  private cancelPing: Cancel = () => {};
  private readonly flushTask = () => {
    this.scheduled = false;
    this.flush();
  };

  constructor(
    public peer: Peer,
    private readonly host: LinkHost,
  ) {}

  get attached(): boolean {
    return this.pipe !== undefined;
  }

  get bufferedBytes(): number {
    return this.pipe?.bufferedBytes ?? 0;
  }

  /** Goes on over a new pipe, on which the peer has introduced itself. The old pipe, if there is one, is closed. */
  attach(pipe: Pipe, peer: Peer, routed: Iterable<Channel>): void {
    const old = this.pipe;
    this.pipe = undefined;
    old?.close();
    // What was under way on the old one is lost, though nobody has noticed that it ended.
    if (old !== undefined) this.host.linkDown(this, 'another connection took its place');
    this.forgetSession();
    if (peer.boot !== this.peer.boot) this.forgetLife(routed, peer.node);
    this.peer = peer;
    this.pipe = pipe;
    this.writer.length = 0;
    this.ready = [];
    this.dirty = [];
    this.channels = [undefined];
    this.incoming = [];
    this.namesOut = new Map();
    this.namesIn = [];
    pipe.onFrame = (frame) => this.received(pipe, frame);
    pipe.onDrain = () => this.wake();
    pipe.onClose = (error) => this.dropped(pipe, error);
    for (const channel of routed) {
      channel.stream = 0;
      channel.ready = false;
      channel.rewind();
      this.offer(channel);
    }
    this.ping();
  }

  /** L2: what a cursor knows of a former session must reach no channel of the next one. */
  private forgetSession(): void {
    for (const cursor of this.dirty) cursor.dirty = false;
    for (const incoming of this.incoming) if (incoming?.cursor.sink === this) incoming.cursor.sink = undefined;
  }

  /** The peer restarted empty: nobody there waits for answers to what its former life asked, and its actors are others of the same names. */
  private forgetLife(routed: Iterable<Channel>, node: string): void {
    for (const channel of routed) if (homeOf(channel.to) === node) channel.retain((record) => isTurn(record));
  }

  close(): void {
    this.cancelPing();
    this.cancelAcknowledge?.();
    this.pipe?.close();
    this.pipe = undefined;
  }

  /** The channel has something to send. */
  offer(channel: Channel): void {
    if (channel.ready || this.pipe === undefined) return;
    channel.ready = true;
    this.ready.push(channel);
    this.wake();
  }

  /** The channel goes another way from now on. */
  release(channel: Channel): void {
    if (channel.stream !== 0) this.channels[channel.stream] = undefined;
    channel.stream = 0;
    channel.ready = false;
    channel.link = undefined;
    this.ready = this.ready.filter((other) => other !== channel);
  }

  acknowledge(cursor: Cursor): void {
    if (this.pipe === undefined) return;
    if (!cursor.dirty) {
      cursor.dirty = true;
      this.dirty.push(cursor);
    }
    if (this.scheduled) return;
    if (cursor.stable - cursor.acknowledged >= acknowledgeAfterRecords) this.wake();
    else
      this.cancelAcknowledge ??= this.host.clock.after(acknowledgeAfterMs, () => {
        this.cancelAcknowledge = undefined;
        this.wake();
      });
  }

  /** Sends a control message, in order with the records. Lost if the link is down: proposals, questions, checkpoints and READY are repeated by their senders, `ended` and recalls are not. */
  control(message: ControlMessage): void {
    if (this.pipe === undefined) return;
    this.writer.control(encode(message, outgoingRefs));
    this.wake();
  }

  /** Tells the sender of a stream that its receiver is elsewhere. */
  bounce(stream: number, answer: BounceAnswer): void {
    if (this.pipe === undefined) return;
    this.incoming[stream] = undefined;
    this.writer.bounce(stream, encode(answer, outgoingRefs));
    this.wake();
  }

  // ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private wake(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(this.flushTask);
  }

  private flush(): void {
    const pipe = this.pipe;
    if (pipe === undefined) return;
    this.cancelAcknowledge?.();
    this.cancelAcknowledge = undefined;
    for (const cursor of this.dirty) {
      cursor.dirty = false;
      if (cursor.sink !== this) continue;
      cursor.acknowledged = cursor.stable;
      this.writer.ack(cursor.stream, cursor.stable, cursor.credit);
    }
    this.dirty.length = 0;
    const ready = this.ready;
    let index = 0;
    for (; index < ready.length && pipe.bufferedBytes < highWaterBytes; index++) this.write(ready[index], pipe);
    this.ready = index === ready.length ? [] : ready.slice(index);
    if (this.writer.length > 0) pipe.send(this.writer.take());
  }

  private write(channel: Channel, pipe: Pipe): void {
    channel.ready = false;
    if (channel.stream === 0) this.openStream(channel);
    const now = this.host.now();
    for (let record = channel.nextToSend(); record !== undefined; record = channel.nextToSend()) {
      const remainingMs = record.deadlineAt === Number.POSITIVE_INFINITY ? record.deadlineAt : Math.max(0, record.deadlineAt - now);
      const name = record.message === '' ? 0 : this.nameNumber(record.message);
      this.writer.record(recordKinds.indexOf(record.kind), name, channel.stream, record.number, record.correlation, remainingMs, record.bytes);
      channel.sent = record.number;
      if (this.writer.length < frameBytes) continue;
      pipe.send(this.writer.take());
      if (pipe.bufferedBytes >= highWaterBytes) {
        this.offerAgain(channel);
        return;
      }
    }
  }

  private offerAgain(channel: Channel): void {
    channel.ready = true;
    this.ready.push(channel);
  }

  private openStream(channel: Channel): void {
    channel.stream = this.channels.length;
    this.channels.push(channel);
    const { target, life, epoch } = channel.from;
    const body: OpenBody = { from: { $address: target.$address, $protocol: target.$protocol }, life, incarnation: channel.incarnation, epoch, to: channel.to };
    this.writer.open(channel.stream, encode(body, outgoingRefs));
  }

  private nameNumber(name: string): number {
    let number = this.namesOut.get(name);
    if (number === undefined) {
      number = this.namesOut.size + 1;
      this.namesOut.set(name, number);
      this.writer.name(number, encode(name, outgoingRefs));
    }
    return number;
  }

  private ping(): void {
    this.cancelPing();
    this.control({ type: 'ping', at: this.host.clock.now() } as ControlMessage);
    this.cancelPing = this.host.clock.after(pingEveryMs, () => this.ping());
  }

  // ── Receiving ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private received(pipe: Pipe, frame: Uint8Array): void {
    if (pipe !== this.pipe) return;
    try {
      readFrame(frame, this);
    } catch (thrown) {
      const error = GodwitError.from(thrown, 'DATA_LOSS');
      this.host.linkFailed(this, error);
      this.dropped(pipe, error);
      pipe.close();
    }
  }

  private dropped(pipe: Pipe, error: GodwitError | undefined): void {
    if (pipe !== this.pipe) return;
    this.pipe = undefined;
    this.cancelPing();
    this.host.linkDown(this, error?.message ?? 'closed');
  }

  record(kind: number, name: number, stream: number, number: number, correlation: number, remainingMs: number, payload: Uint8Array | undefined): void {
    const incoming = this.incoming[stream];
    if (incoming === undefined) return;
    const { cell, cursor } = incoming;
    if (cell.status === 'ended') {
      this.bounce(stream, this.host.answer(cell.address));
      return;
    }
    if (incoming.epoch !== cursor.epoch || cell.cursors.get(cursor.from.$address) !== cursor) {
      this.bounce(stream, { fenced: true, epoch: cursor.epoch });
      return;
    }
    const recordKind = recordKinds[kind];
    const message = name === 0 ? '' : this.namesIn[name];
    if (recordKind === undefined || message === undefined)
      throw new GodwitError('DATA_LOSS', `record ${number} of ${cursor.from.$address} has unknown kind ${kind} or name ${name}`);
    if (recordKind === 'tell' && correlation !== 0) throw new GodwitError('DATA_LOSS', `tell ${number} of ${cursor.from.$address} claims to be an ask`);
    const accepted = cursor.accept(number);
    if (accepted === 'repeated') {
      this.acknowledge(cursor);
      return;
    }
    if (accepted === 'gap') throw new GodwitError('DATA_LOSS', `record ${number} of ${cursor.from.$address} to ${cell.address} came after ${cursor.accepted}`);
    if (cursor.lost > 0) this.host.gap(cell, cursor);
    if (cursor.wasHandled(number)) return;
    const deadlineAt = remainingMs === Number.POSITIVE_INFINITY ? remainingMs : this.host.now() + remainingMs;
    const arrived = new ChannelRecord(recordKind, message, undefined, payload, correlation, deadlineAt);
    arrived.number = number;
    arrived.cursor = cursor;
    arrived.sender = cursor.from;
    cell.arrive(arrived);
  }

  ack(stream: number, stable: number, credit: number): void {
    const channel = this.channels[stream];
    if (channel === undefined) return;
    if (stable >= channel.next)
      throw new GodwitError('DATA_LOSS', `acknowledgement of record ${stable} that ${channel.from.address} never sent to ${channel.to}`);
    channel.acknowledge(stable);
    if (channel.retiring && channel.held.length === 0) this.host.delivered(channel);
    if (credit > channel.credit) {
      channel.credit = credit;
      if (channel.nextToSend() !== undefined) this.offer(channel);
    }
  }

  open(stream: number, body: Uint8Array): void {
    const { from, life, incarnation, epoch, to } = decode(body, outgoingRefs) as OpenBody;
    const cell = this.host.cell(to);
    if (cell === undefined || cell.status === 'ended') {
      this.bounce(stream, this.host.answer(to));
      return;
    }
    try {
      const cursor = cell.cursorFor(from, life, incarnation, epoch);
      cursor.sink = this;
      cursor.stream = stream;
      this.incoming[stream] = { cell, cursor, epoch };
      this.acknowledge(cursor);
    } catch (thrown) {
      if (GodwitError.from(thrown).code !== 'ABORTED') throw thrown;
      this.bounce(stream, { fenced: true, epoch: cell.cursors.get(from.$address)?.epoch ?? 0 });
    }
  }

  name(name: number, text: Uint8Array): void {
    this.namesIn[name] = String(decode(text, outgoingRefs));
  }

  bounceReceived(stream: number, body: Uint8Array): void {
    const channel = this.channels[stream];
    if (channel !== undefined) this.host.bounced(channel, this, decode(body, outgoingRefs) as BounceAnswer);
  }

  controlReceived(body: Uint8Array): void {
    const message = decode(body, outgoingRefs) as ControlMessage & { readonly at?: number };
    if (message.type === 'ping') this.control({ type: 'pong', at: message.at } as ControlMessage);
    else if (message.type === 'pong') this.rttMs = this.host.clock.now() - (message.at ?? Number.NaN);
    else this.host.control(this, message);
  }
}
