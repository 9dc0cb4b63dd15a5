// The one connection between this node and another: carries the records of many streams, their acknowledgements, and control messages,
// over one pipe after another. What a pipe lost is sent again on the next one; cursors drop what had arrived.
//
// L1 Whatever is written between two microtask checkpoints leaves as one frame.
// L2 Stream numbers and names belong to one session (one pipe): each session opens its streams anew. What the peer opens is `inbound.ts`.

import { encode } from '../codec/index.js';
import { type AcknowledgementSink, type Cursor, creditWindow } from '../delivery/cursor.js';
import { recordKinds } from '../delivery/record.js';
import { type FrameHandler, FrameWriter, readFrame } from '../delivery/wire.js';
import { errorFromValue, GodwitError } from '../errors.js';
import type { Cancel } from '../ports/clock.js';
import type { Pipe } from '../ports/transport.js';
import type { Channel } from './channel.js';
import { Conduct, lie, type Offence, offenceOf } from './conduct.js';
import { Inbound, maxStreams } from './inbound.js';
import { type GoodbyeMessage, sayGoodbye } from './introduction.js';
import type { BounceAnswer, ControlMessage, LinkHost, Peer } from './link-host.js';
import { maxMessageBytes, type OpenBody, parseAnswer, parseControl, readControl } from './peer-message.js';
import { outgoingRefs } from './refs.js';

export type { BounceAnswer, ControlMessage, LinkHost, Peer } from './link-host.js';

/** Bytes a pipe may hold before the link waits for it to drain: more would only queue stale frames. */
const highWaterBytes = 1024 * 1024;
/** Bytes after which a frame is closed and the next begun. */
const frameBytes = 256 * 1024;
/** An acknowledgement waits this long for a frame to ride on. */
const acknowledgeAfterMs = 5;
/** Handled records after which an acknowledgement waits no longer. */
const acknowledgeAfterRecords = creditWindow / 4;
const pingEveryMs = 5000;
/**
 * Bytes that wait for a peer that reads nothing and goes on saying things that want an answer. What this node sends of itself stays below:
 * the high water, and one frame of the longest that a transport takes (64 MiB).
 */
const unreadBytes = 128 * 1024 * 1024;
/** Of what a peer says for itself, in this node's log and events. */
const maxReasonUnits = 1024;

export class Link implements AcknowledgementSink, FrameHandler {
  rttMs = Number.NaN;
  sentBytes = 0;
  receivedBytes = 0;
  private pipe: Pipe | undefined;
  private readonly writer = new FrameWriter();
  private ready: Channel[] = [];
  private dirty: Cursor[] = [];
  private channels: Array<Channel | undefined> = [undefined];
  private inbound: Inbound;
  private namesOut = new Map<string, number>();
  private conduct = new Conduct();
  private farewell: GodwitError | undefined;
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
  ) {
    this.inbound = new Inbound(this, host);
  }

  get attached(): boolean {
    return this.pipe !== undefined;
  }

  get bufferedBytes(): number {
    return this.pipe?.bufferedBytes ?? 0;
  }

  /**
   * Goes on over a new pipe, on which the peer has introduced itself. The old pipe, if there is one, is closed.
   * @throws {GodwitError} UNAVAILABLE the peer is shut out for a while, for what it did on a former pipe; it is told
   */
  attach(pipe: Pipe, peer: Peer, routed: Iterable<Channel>): void {
    this.admit(pipe, peer);
    const old = this.pipe;
    this.pipe = undefined;
    old?.close();
    // What was under way on the old one is lost, though nobody has noticed that it ended.
    if (old !== undefined) this.host.linkDown(this, 'another connection took its place');
    this.forgetSession();
    this.peer = peer;
    this.farewell = undefined;
    this.pipe = pipe;
    this.writer.length = 0;
    this.ready = [];
    this.dirty = [];
    this.channels = [undefined];
    this.inbound = new Inbound(this, this.host);
    this.namesOut = new Map();
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
    this.inbound.close();
  }

  close(): void {
    this.cancelPing();
    this.cancelAcknowledge?.();
    this.pipe?.close();
    this.pipe = undefined;
  }

  /** The channel has something to send. */
  offer(channel: Channel): void {
    if (this.pipe === undefined) this.host.unsent();
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

  /** Sends a control message, in order with the records. Lost if the link is down: proposals, questions, checkpoints, READY and `ended` are repeated by their senders, recalls are not. */
  control(message: ControlMessage): void {
    if (this.pipe === undefined) return;
    const body = encode(message, outgoingRefs);
    if (body.length > maxMessageBytes) {
      this.host.log('error', 'link.message-too-large', { peer: this.peer.node, type: message.type, bytes: body.length, limit: maxMessageBytes });
      return;
    }
    this.writer.control(body);
    this.wake();
  }

  fence(address: string, epoch: number): void {
    this.inbound.fence(address, epoch);
  }

  /** Tells the sender of a stream that its receiver is elsewhere. */
  bounce(stream: number, answer: BounceAnswer): void {
    if (this.pipe === undefined) return;
    this.writer.bounce(stream, encode(answer, outgoingRefs));
    this.wake();
  }

  /**
   * The peer did what it may not: it is refused, logged once in the peer's life for each kind of offence, and closes the link when it persists.
   * Nothing else changes.
   */
  refuse(offence: Offence, error: GodwitError): void {
    const { peer, host } = this;
    if (this.conduct.isNew(offence)) host.log('warn', 'link.offence', { peer: peer.node, boot: peer.boot, offence, code: error.code, reason: error.message });
    if (this.conduct.persists(host.clock.now())) this.expel(error, 'closed');
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
    if (this.writer.length > 0) this.sendFrame(pipe);
  }

  private write(channel: Channel, pipe: Pipe): void {
    channel.ready = false;
    if (channel.stream === 0) this.openStream(channel);
    const now = this.host.now();
    for (let record = channel.nextToSend(); record !== undefined; record = channel.nextToSend()) {
      const remainingMs = record.deadlineAt === Number.POSITIVE_INFINITY ? record.deadlineAt : Math.max(0, record.deadlineAt - now);
      const name = record.message === '' ? 0 : this.nameNumber(record.message);
      this.writer.record(recordKinds.indexOf(record.kind), name, channel.stream, record.number, record.correlation, remainingMs, record.bytes, record.trace);
      channel.sent = record.number;
      if (this.writer.length < frameBytes) continue;
      this.sendFrame(pipe);
      if (pipe.bufferedBytes >= highWaterBytes) {
        this.offerAgain(channel);
        return;
      }
    }
  }

  private sendFrame(pipe: Pipe): void {
    this.sentBytes += this.writer.length;
    pipe.send(this.writer.take());
  }

  private offerAgain(channel: Channel): void {
    channel.ready = true;
    this.ready.push(channel);
  }

  private openStream(channel: Channel): void {
    // The next session opens only what still lives.
    if (this.channels.length === maxStreams) this.pipe?.close();
    channel.stream = this.channels.length;
    this.channels.push(channel);
    const { target, life, epoch } = channel.from;
    const body: OpenBody = {
      from: { $address: target.$address, $protocol: target.$protocol },
      life,
      incarnation: channel.incarnation,
      epoch,
      to: channel.to,
      toLife: channel.from.cursors.get(channel.to)?.life,
      first: channel.held.peek()?.number ?? channel.next,
    };
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
    this.receivedBytes += frame.length;
    try {
      readFrame(frame, this);
    } catch (thrown) {
      const error = GodwitError.from(thrown, 'DATA_LOSS');
      this.expel(error, offenceOf(error));
    }
  }

  private dropped(pipe: Pipe, error: GodwitError | undefined): void {
    if (pipe !== this.pipe) return;
    this.pipe = undefined;
    this.cancelPing();
    const { farewell, peer } = this;
    this.host.linkDown(this, farewell === undefined ? (error?.message ?? 'closed') : `node ${peer.node} closed the link: ${farewell.message}`);
  }

  /** Another life of a node answers for itself alone. @throws {GodwitError} UNAVAILABLE */
  private admit(pipe: Pipe, peer: Peer): void {
    if (peer.boot !== this.peer.boot) {
      this.conduct = new Conduct();
      return;
    }
    const waitMs = this.conduct.exclusionMs(this.host.clock.now());
    if (waitMs === 0) return;
    const error = new GodwitError('UNAVAILABLE', `node ${peer.node} is shut out of ${this.host.name} for its conduct, for another ${Math.ceil(waitMs)} ms`);
    sayGoodbye(pipe, error);
    throw error;
  }

  /** Closes the link for what the peer did, tells it why, and does not let it back at once. */
  private expel(error: GodwitError, offence: Offence): void {
    const { pipe, host } = this;
    if (pipe === undefined) return;
    if (this.conduct.isNew(offence)) host.linkFailed(this, error);
    this.conduct.exclude(host.clock.now());
    sayGoodbye(pipe, error);
    this.dropped(pipe, error);
    // A pipe that closes may lose what was sent before.
    host.clock.soon(() => pipe.close());
  }

  readonly record: FrameHandler['record'] = (kind, name, stream, number, correlation, remainingMs, payload, trace) => {
    this.inbound.record(kind, name, stream, number, correlation, remainingMs, payload, trace);
  };

  ack(stream: number, stable: number, credit: number): void {
    const channel = this.channel(stream, 'acknowledgement');
    if (channel === undefined) return;
    // Written so that NaN fails. No receiver has handled what was never sent, so none grants more than a window beyond it.
    if (!(stable < channel.next && credit < channel.next + creditWindow))
      throw lie('acknowledgement', `acknowledgement of record ${stable}, credit ${credit}: ${channel.from.address} never sent that to ${channel.to}`);
    channel.acknowledge(stable);
    if (channel.retiring && channel.held.length === 0) this.host.delivered(channel);
    if (credit > channel.credit) {
      channel.credit = credit;
      if (channel.nextToSend() !== undefined) this.offer(channel);
    }
  }

  open(stream: number, body: Uint8Array): void {
    this.checkReading();
    this.inbound.open(stream, body);
  }

  name(name: number, text: Uint8Array): void {
    this.inbound.name(name, text);
  }

  bounceReceived(stream: number, body: Uint8Array): void {
    const channel = this.channel(stream, 'bounce');
    const answer = parseAnswer(body);
    if (channel === undefined) return;
    // Sent there again it would come back again, as fast as the link is.
    if (answer.node === this.peer.node) throw lie('bounce', `says that ${channel.to} is on ${answer.node}, and refuses what is sent to it there`);
    this.host.bounced(channel, this, answer);
  }

  controlReceived(body: Uint8Array): void {
    this.checkReading();
    const message = readControl(body);
    if (message.type === 'ping' || message.type === 'pong') this.measure(message);
    else if (message.type === 'goodbye') {
      const { code, message: reason } = errorFromValue((message as GoodbyeMessage).reason);
      this.farewell = new GodwitError(code, reason.slice(0, maxReasonUnits));
    } else {
      let parsed: ControlMessage | undefined;
      try {
        parsed = parseControl(message, this.peer, this.host.directory, this.host.clock.now());
      } catch (thrown) {
        this.refuse('control', GodwitError.from(thrown));
        return;
      }
      if (parsed !== undefined) this.host.control(this, parsed);
    }
  }

  private measure(message: ControlMessage & { readonly at?: unknown }): void {
    const { at } = message;
    const now = this.host.clock.now();
    if (typeof at !== 'number' || !Number.isFinite(at) || (message.type === 'pong' && at > now))
      this.refuse('control', new GodwitError('INVALID_ARGUMENT', `'${message.type}' of ${String(at).slice(0, 64)} ms at ${now} ms`));
    else if (message.type === 'ping') this.control({ type: 'pong', at } as ControlMessage);
    else this.rttMs = now - at;
  }

  /** The channel a number stands for; undefined if it has gone another way since, of which the peer need not have heard. @throws {GodwitError} it never stood for any */
  private channel(stream: number, offence: Offence): Channel | undefined {
    if (stream === 0 || stream >= this.channels.length) throw lie(offence, `answers stream ${stream}, which was never opened to it`);
    return this.channels[stream];
  }

  /** @throws {GodwitError} RESOURCE_EXHAUSTED the peer makes this node answer and reads no answer */
  private checkReading(): void {
    if (this.bufferedBytes <= unreadBytes) return;
    throw lie('not-reading', `left ${this.bufferedBytes} bytes unread, limit ${unreadBytes}`, 'RESOURCE_EXHAUSTED');
  }
}
