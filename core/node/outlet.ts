// What an actor lets out: the sending half of its cell. The instance calls it (InstanceHost); records leave it numbered, in order, into a
// mailbox of this node or an outbox.
//
// D2 What a durable actor sends leaves when its standby knows of it, and is held until the receiver's standby does.
// M3 What a segment sent is posted together, in order, when it ends; a number is taken only then.
import type { AnyDefinition, Protocol } from '../actors/definition.js';
import type { Where } from '../actors/ref.js';
import { carriesRef, encode } from '../codec/index.js';
import type { Cursor } from '../delivery/cursor.js';
import { Numbered } from '../delivery/numbered.js';
import { ChannelRecord, isTurn, type RecordKind, type TurnRecord } from '../delivery/record.js';
import { Ring } from '../delivery/ring.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { LogLevel } from '../ports/logger.js';
import type { InstanceHost, Payload, Target, TurnEnd } from '../ports/runtime.js';
import type { Cell, CellHost } from './cell.js';
import { within } from './cell-trace.js';
import { Channel } from './channel.js';
import { askPlaces, CellTimer, numbersPerEpoch, PendingAsk } from './pending.js';
import { outgoingRefs } from './refs.js';

/** Records a mailbox may hold; beyond it a local sender gets RESOURCE_EXHAUSTED. Senders on other nodes are bound by credit far earlier. */
const maxMailboxRecords = 1 << 20;

/** The sending half of a cell. */
export class Outlet implements InstanceHost {
  readonly channels = new Map<string, Channel>();
  /** Asks and streams of the actor that wait for their answers. */
  readonly asks = new Numbered<PendingAsk>();
  readonly timers = new Map<number, CellTimer>();
  /** Highest number the instance has given to an ask, call or timer. */
  lastNumber = 0;
  /** Of a durable actor: true if something was posted since the latest capture. */
  uncaptured = false;
  /** Likewise: true if something was when the running turn began, which is not that turn's. */
  begunUncaptured = false;
  // Two rings in step, a record and the channel it leaves by: most segments send at most once, and rings keep their slots.
  private readonly segmentChannels = new Ring<Channel>();
  private readonly segmentRecords = new Ring<ChannelRecord>();
  private segmentTimers: CellTimer[] = [];
  /** Of a durable actor: what its streams bring while a turn of it is under way. */
  private besideTurn: Array<{ readonly channel: Channel; readonly record: ChannelRecord }> = [];
  /** Asks whose correlation is not their id. */
  private readonly renumbered = new Map<number, number>();

  constructor(
    private readonly cell: Cell,
    private readonly host: CellHost,
  ) {}

  // ── InstanceHost: what the instance does ──────────────────────────────────────────────────────────────────────────────────────

  send(kind: 'tell' | 'ask' | 'stream', to: Target, message: string, payload: Payload, ask: number, timeoutMs: number): void {
    const channel = this.channelTo(to);
    if (channel.cell !== undefined && channel.cell.mailbox.length >= maxMailboxRecords)
      throw new GodwitError('RESOURCE_EXHAUSTED', `mailbox of ${to.$address} holds ${maxMailboxRecords} records: slow down`);
    if (channel.cell === undefined || channel.holds) channel.checkRoom(this.cell.address);
    const deadlineAt = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : this.host.now() + timeoutMs;
    const record = new ChannelRecord(kind, message, payload.value, payload.bytes, ask, deadlineAt);
    this.prepare(channel, record);
    const span = this.cell.trace?.sends(record, to);
    if (kind !== 'tell') {
      this.lastNumber = ask;
      const pending = new PendingAsk(this, ask, channel.to, message, channel.cell === undefined && this.cell.tier === 'native' && this.asks.size < askPlaces);
      pending.span = span;
      this.asks.set(ask, pending);
      if (timeoutMs !== Number.POSITIVE_INFINITY) this.host.startTimer(pending, timeoutMs);
    }
    this.emit(channel, record);
  }

  cancel(ask: number): void {
    const pending = this.asks.get(ask);
    if (pending === undefined) return;
    this.close(pending, pending.span === undefined ? undefined : pending.givenUp(this.cell.address));
    this.emitTo(pending.to, 'cancel', pending.correlation, undefined);
  }

  more(ask: number, upTo: number): void {
    const pending = this.asks.get(ask);
    if (pending !== undefined) this.emitTo(pending.to, 'more', pending.correlation, upTo);
  }

  reply(ask: number, payload: Payload): void {
    const record = this.cell.open.get(ask);
    if (record === undefined) return;
    this.cell.open.delete(ask);
    this.answer(record, 'reply', payload.value, payload.bytes);
  }

  fail(ask: number, error: ErrorValue): void {
    const record = this.cell.open.get(ask);
    if (record === undefined) return;
    this.cell.open.delete(ask);
    this.answer(record, 'fail', { ...error, node: error.node ?? this.host.name }, undefined);
  }

  item(ask: number, payload: Payload): void {
    const record = this.cell.open.get(ask);
    if (record !== undefined) this.answer(record, 'item', payload.value, payload.bytes);
  }

  end(ask: number): void {
    const record = this.cell.open.get(ask);
    if (record === undefined) return;
    this.cell.open.delete(ask);
    this.answer(record, 'end', undefined, undefined);
  }

  after(timer: number, delayMs: number, message: string, payload: Payload): void {
    this.lastNumber = timer;
    const pending = new CellTimer(this, timer, message, payload, this.host.now() + delayMs);
    this.timers.set(timer, pending);
    this.segmentTimers.push(pending);
  }

  cancelTimer(timer: number): void {
    const pending = this.timers.get(timer);
    if (pending === undefined) return;
    this.timers.delete(timer);
    this.host.stopTimer(pending);
  }

  child(protocol: Protocol, definition: AnyDefinition | undefined, name: string): void {
    this.host.spawnChild(this.cell, protocol, definition, name);
  }

  call(call: number, hostFunction: string, method: string, args: Payload): void {
    this.lastNumber = call;
    within(this.cell.trace, () => this.host.callHostFunction(this.cell, call, hostFunction, method, args));
  }

  where(address: string): Where | undefined {
    return this.host.where(address);
  }

  progress(ask: number, fraction: number): void {
    this.log('debug', 'turn.progress', { ask, fraction });
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    within(this.cell.trace, () => this.host.log(level, event, { actor: this.cell.address, ...fields }));
  }

  failed(error: ErrorValue): void {
    this.host.instanceFailed(this.cell, error);
  }

  turnEnded(end: TurnEnd): void {
    this.cell.turnEnded(end);
  }

  /** Releases what the segment sent; what a frozen actor still sends waits for its thaw, or goes down with a copy that has moved. */
  flush(): void {
    if (!this.cell.frozen) this.release();
  }

  release(): void {
    if (this.segmentTimers.length > 0) for (const timer of this.segmentTimers.splice(0)) if (this.timers.has(timer.id)) this.start(timer);
    // Posting may lead back here and add records: those belong to a later segment.
    for (let count = this.segmentRecords.length; count > 0 && this.segmentRecords.length > 0; count--) {
      const record = this.segmentRecords.shift() as ChannelRecord;
      this.post(this.segmentChannels.shift() as Channel, record);
    }
  }

  discard(): void {
    this.segmentChannels.drain();
    for (const timer of this.segmentTimers.splice(0)) this.timers.delete(timer.id);
    for (const record of this.segmentRecords.drain()) {
      const pending = this.asks.get(record.correlation);
      if ((record.kind !== 'ask' && record.kind !== 'stream') || pending === undefined) continue;
      this.settle(pending, pending.discarded(this.cell.address));
    }
  }

  // ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The ask's deadline passed: it ends here, and its receiver is told. */
  expire(pending: PendingAsk): void {
    this.settle(pending, pending.late(this.host.name));
    const channel = this.channels.get(pending.to);
    if (channel !== undefined) this.post(channel, new ChannelRecord('cancel', '', undefined, undefined, pending.correlation, Number.POSITIVE_INFINITY));
  }

  due(timer: PendingAsk | CellTimer): void {
    this.cell.due(timer);
  }

  /** A timer is due: its message comes as a record on the actor's stream to itself. */
  wake(timer: CellTimer): void {
    this.timers.delete(timer.id);
    const record = new ChannelRecord('tell', timer.message, timer.payload.value, timer.payload.bytes, 0, Number.POSITIVE_INFINITY);
    this.post(this.channelTo(this.cell.target), record);
  }

  /** A record of this actor reaches nobody. */
  refused(record: ChannelRecord, error: GodwitError): void {
    const pending = record.kind === 'ask' || record.kind === 'stream' ? this.askFor(record.correlation) : undefined;
    if (pending !== undefined) this.settle(pending, valueFromError(error, this.host.name));
    else if (record.kind === 'tell') this.host.deadLetter(this.cell, record, error.message);
  }

  /** The ask fails here. */
  private settle(pending: PendingAsk, error: ErrorValue): void {
    this.close(pending, error);
    this.cell.instance?.settle(pending.id, { error });
  }

  /** Nothing is waited for any more. @param error why, unless it was answered */
  close(pending: PendingAsk, error?: ErrorValue): void {
    this.asks.delete(pending.id);
    this.host.stopTimer(pending);
    pending.span?.end(error === undefined ? {} : { error });
    pending.span = undefined;
  }

  channelTo(to: Target): Channel {
    const cached = (to as { $stream?: unknown }).$stream;
    if (cached instanceof Channel && cached.from === this.cell && cached.successor === undefined) return cached;
    let channel = this.channels.get(to.$address);
    while (channel?.successor !== undefined) channel = channel.successor;
    if (channel === undefined) {
      const address = this.host.resolve(to.$address);
      if (address !== to.$address) return this.channelTo({ $address: address, $protocol: to.$protocol });
      channel = new Channel(this.cell, address, this.cell.incarnation);
      this.channels.set(address, channel);
      this.host.route(channel);
    }
    if ('$stream' in to) (to as { $stream: unknown }).$stream = channel;
    return channel;
  }

  /** What waits for a receiver that was merged into the actor at `address` goes there instead, as part of the stream to that one. */
  redirect(channel: Channel, address: string): void {
    const successor = this.channelTo({ $address: address, $protocol: this.cell.target.$protocol });
    channel.successor = successor;
    for (const record of channel.empty()) {
      const pending = this.askFor(record.correlation);
      if (pending !== undefined) pending.to = address;
      this.post(successor, record);
    }
  }

  /** What a receiver on this node did not come to before it was over here waits for its owner. @param records payloads that cannot travel are left out */
  takeBack(channel: Channel, records: readonly TurnRecord[]): void {
    const again: ChannelRecord[] = [];
    for (const record of records) {
      if (record.cancelled) continue;
      const copy = record.copy();
      copy.number = record.number;
      try {
        this.encode(copy);
        again.push(copy);
      } catch (thrown) {
        this.refused(copy, GodwitError.from(thrown));
      }
    }
    channel.takeBack(again);
  }

  /** Sends a record of this actor, taken back unhandled, to another receiver. */
  repost(record: TurnRecord, to: string): void {
    this.post(this.channelTo({ $address: to, $protocol: this.cell.target.$protocol }), record.copy());
  }

  /** Answers an inbound ask or stream. */
  answer(record: TurnRecord, kind: RecordKind, value: unknown, bytes: Uint8Array | undefined): void {
    const cursor = record.cursor as Cursor;
    // Finding the way there may tell of a later life of the asker.
    const back = cursor.back instanceof Channel ? cursor.back : this.channelTo(cursor.from);
    // Which counts its asks anew: an answer to a former one would be taken for another.
    const now = this.cell.cursors.get(cursor.from.$address);
    if (now === undefined || now.life !== cursor.life || now.incarnation > cursor.incarnation) return;
    cursor.back = back;
    const answer = new ChannelRecord(kind, '', value, bytes, record.correlation, Number.POSITIVE_INFINITY);
    try {
      this.prepare(back, answer);
    } catch (thrown) {
      // The reply cannot travel: the asker learns why, instead of waiting for its deadline.
      const error = valueFromError(GodwitError.from(thrown), this.host.name);
      this.emit(back, new ChannelRecord('fail', '', error, undefined, record.correlation, Number.POSITIVE_INFINITY));
      return;
    }
    // D1: what leaves during a turn is told as that turn's, and would not come again with it.
    const running = this.cell.durable ? this.cell.inflight.peek() : undefined;
    if (running === undefined || running === record) this.emit(back, answer);
    else this.besideTurn.push({ channel: back, record: answer });
  }

  emitBeside(): void {
    for (const { channel, record } of this.besideTurn.splice(0)) this.emit(channel, record);
    this.flush();
  }

  /** Another life of that sender is heard of: nobody waits for what its former asks are answered, and its cursors begin anew. */
  forgetAnswersTo(address: string): void {
    const channel = this.channels.get(address);
    channel?.retain(isTurn);
    const channels = this.segmentChannels.drain();
    for (const [index, record] of this.segmentRecords.drain().entries()) {
      if (channels[index] === channel && !isTurn(record)) continue;
      this.segmentChannels.push(channels[index]);
      this.segmentRecords.push(record);
    }
    this.besideTurn = this.besideTurn.filter((beside) => beside.channel !== channel);
  }

  private emitTo(address: string, kind: RecordKind, correlation: number, value: unknown): void {
    const channel = this.channels.get(address);
    if (channel !== undefined) this.emit(channel, new ChannelRecord(kind, '', value, undefined, correlation, Number.POSITIVE_INFINITY));
  }

  /** The instance is gone, and with it whatever waited for these answers. */
  abandon(): void {
    this.segmentChannels.drain();
    this.segmentRecords.drain();
    this.besideTurn = [];
    for (const pending of [...this.asks.values()]) this.cancel(pending.id);
  }

  /** Timers that came with a capture run from when the actor does. */
  startTimers(): void {
    for (const timer of this.timers.values()) if (!timer.running) this.start(timer);
  }

  private start(timer: CellTimer): void {
    this.host.startTimer(timer, Math.max(0, timer.dueAt - this.host.now()));
  }

  private emit(channel: Channel, record: ChannelRecord): void {
    if (this.cell.immediate) {
      this.post(channel, record);
      return;
    }
    this.segmentChannels.push(channel);
    this.segmentRecords.push(record);
  }

  /** Encodes what leaves this heap now, so that a payload that cannot travel is refused where it was sent. */
  private prepare(channel: Channel, record: ChannelRecord): void {
    if (channel.cell === undefined || channel.holds || this.host.encodeAlways || carriesRef(record.value)) this.encode(record);
  }

  private encode(record: ChannelRecord): void {
    if (record.bytes !== undefined || record.value === undefined) return;
    record.bytes = encode(record.value, outgoingRefs);
    record.value = undefined;
  }

  /** M3: takes the number and hands the record to the receiver's mailbox, or holds it for the link. */
  post(channel: Channel, record: ChannelRecord): void {
    if (this.cell.durable) {
      this.postDurably(channel, record);
      return;
    }
    const receiver = channel.cell;
    if (receiver === undefined || channel.holds) {
      this.encode(record);
      record.number = channel.next++;
      channel.hold(record);
      if (channel.link !== undefined || receiver !== undefined) channel.send();
      else if (channel.missing && !channel.refusing) this.host.route(channel);
      return;
    }
    const cursor = channel.cursor as Cursor;
    record.number = channel.next++;
    record.cursor = cursor;
    record.sender = cursor.from;
    cursor.accepted = record.number;
    receiver.arrive(record);
  }

  /** D2: takes the number and holds the record until the standby knows of it; one that a lost owner of this turn had sent is not sent twice. */
  private postDurably(channel: Channel, record: ChannelRecord): void {
    this.encode(record);
    if (this.cell.replay?.covers(this.cell, channel, record) === true) return;
    const pending = record.kind === 'ask' || record.kind === 'stream' ? this.asks.get(record.correlation) : undefined;
    let posted = record;
    if (pending !== undefined && this.cell.replay?.diverged === true) {
      // Its number may be that of another ask, which had left already.
      pending.correlation += this.cell.epoch * numbersPerEpoch;
      this.renumbered.set(pending.correlation, pending.id);
      posted = record.copy(pending.correlation);
    }
    posted.number = channel.next++;
    channel.hold(posted);
    this.uncaptured = true;
    if (channel.link === undefined && channel.cell === undefined && channel.missing && !channel.refusing) this.host.route(channel);
    this.host.mustCheckpoint(this.cell);
  }

  /** The ask that an answer is for. */
  askFor(correlation: number): PendingAsk | undefined {
    const pending = this.asks.get(this.renumbered.get(correlation) ?? correlation);
    return pending?.correlation === correlation ? pending : undefined;
  }
}
