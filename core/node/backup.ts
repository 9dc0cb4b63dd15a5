// What one actor lets its home know of itself, so that a takeover begins from there: checkpoints, and of a durable actor also what a turn
// under way has sent. Of a durable actor nothing leaves, and nothing is acknowledged, before the home has answered (DESIGN §8).
//
//     turns … ─► capture ─► hash ─► checkpoint ─┐                        ┌─► acknowledgements
//     a turn that awaits, and sends ─► journal ─┴─► home, its disk ──────┴─► records leave
import type { Cursor } from '../delivery/cursor.js';
import { GodwitError } from '../errors.js';
import type { Base } from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import { type CellCapture, captureCell, encodeCapture } from './capture.js';
import type { Cell } from './cell.js';
import type { Channel } from './channel.js';
import { type Delta, deltaOf } from './delta.js';
import { originOf } from './directory.js';
import type { Homes } from './homes.js';
import { deleteBlob, inlineCaptureBytes, type MigrationHost } from './migration-host.js';
import { type Journal, journalOf } from './replay.js';

/**
 * owner → home: the actor as it was between two turns: what changed since the checkpoint before, or its bytes if they are few enough to ride
 * along, else the blob `hash` is on offer.
 */
export interface CheckpointMessage {
  readonly type: 'checkpoint';
  readonly actor: string;
  readonly epoch: number;
  readonly hash: Hash;
  readonly turns: number;
  readonly bytes?: Uint8Array;
  readonly delta?: Delta;
}

/** home → owner: it does not have what the delta builds on. */
export interface CheckpointWantedMessage {
  readonly type: 'checkpoint-wanted';
  readonly actor: string;
  readonly hash: Hash;
}

/** owner → home: what the turn under way has sent since the last message of this kind. */
export interface JournalMessage {
  readonly type: 'journal';
  readonly actor: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly journal: Journal;
}

/** home → owner: it is safe. */
export interface JournaledMessage {
  readonly type: 'journaled';
  readonly actor: string;
  readonly sequence: number;
}

/** What an owner and its home say to each other of checkpoints. */
export type BackupMessage = CheckpointMessage | CheckpointWantedMessage | JournalMessage | JournaledMessage;

/** A checkpoint whose base the register does not name yet. */
interface Unconfirmed {
  readonly base: Base;
  readonly bytes: Uint8Array;
  readonly handled: ReadonlyArray<{ readonly cursor: Cursor; readonly number: number }>;
  readonly sent: ReadonlyArray<{ readonly channel: Channel; readonly number: number }>;
}

/** Until what could not be told is told again, in milliseconds. */
const tellAgainMs = 250;
/** Checkpoints on their way: one that the home writes, and one that is there when it has. */
const maxUnconfirmed = 2;

/** The backup of one actor that runs here. */
export class Backup {
  private busy = false;
  /** The home has no base of it at all. */
  private missing = false;
  /** What the home was told last, to build the next delta on; undefined while it may not have heard. */
  private latest: { readonly hash: Hash; readonly state: Uint8Array } | undefined;
  private unconfirmed: Unconfirmed[] = [];
  /** Highest numbers that journals have told of. */
  private readonly told = new Map<Channel, number>();
  private journals: Array<{ readonly sequence: number; readonly told: ReadonlyArray<readonly [Channel, number]> }> = [];
  private sequence = 0;

  constructor(
    readonly cell: Cell,
    private readonly host: MigrationHost,
    private readonly homes: Homes,
  ) {}

  /**
   * Something happened that the home may have to be told. One capture at a time, and a few unanswered: what happens meanwhile shares the next,
   * so that the home's disk sets the pace.
   */
  due(): void {
    const { cell } = this;
    if (this.busy || cell.status !== 'running' || !this.isReachable()) return;
    if (cell.durable && cell.inflight.length > 0) {
      this.tellOfRunningTurn();
      return;
    }
    if (!this.isDue() || this.unconfirmed.length >= maxUnconfirmed) return;
    this.busy = true;
    this.take().then(
      () => {
        this.busy = false;
        // More may have happened meanwhile, and nothing may follow it.
        this.due();
      },
      (thrown: unknown) => {
        this.busy = false;
        this.failed(thrown);
      },
    );
  }

  /** The home has nothing to begin from: whatever the actor's checkpoints are otherwise, it needs one. */
  miss(): void {
    this.missing = true;
    this.due();
  }

  /** The register names this base: everything up to it is safe. */
  confirmed(hash: Hash): void {
    const index = this.unconfirmed.findIndex(({ base }) => base.hash === hash);
    if (index < 0) return;
    for (const { base, bytes } of this.unconfirmed.slice(0, index + 1)) this.dropBlob(base.hash, bytes);
    const [latest] = this.unconfirmed.splice(0, index + 1).slice(-1) as [Unconfirmed];
    if (this.cell.status === 'ended') return;
    for (const { cursor, number } of latest.handled) cursor.checkpointed(number);
    if (this.cell.durable) for (const { channel, number } of latest.sent) channel.release(number);
    this.host.emit({ type: 'checkpoint', actor: this.cell.address, turns: latest.base.turns, bytes: latest.bytes.length });
    this.due();
  }

  /** The actor runs here no more: nobody fetches what the home has not answered. */
  close(): void {
    for (const { base, bytes } of this.unconfirmed) this.dropBlob(base.hash, bytes);
    this.unconfirmed = [];
  }

  journaled(sequence: number): void {
    const index = this.journals.findIndex((journal) => journal.sequence === sequence);
    for (const { told } of this.journals.splice(0, index + 1)) for (const [channel, number] of told) channel.release(number);
  }

  /** The home is there again, or leases a later epoch: what was not answered, or was refused, is told once more. */
  tellAgain(): void {
    const latest = this.unconfirmed.at(-1);
    this.told.clear();
    this.journals = [];
    this.latest = undefined;
    if (latest !== undefined) this.tell(latest, undefined).catch((thrown: unknown) => this.failed(thrown));
    this.due();
  }

  /** The home has nothing to build a delta on. */
  wanted(hash: Hash): void {
    this.latest = undefined;
    const checkpoint = this.unconfirmed.find(({ base }) => base.hash === hash);
    if (checkpoint !== undefined) this.tell(checkpoint, undefined).catch((thrown: unknown) => this.failed(thrown));
  }

  /** A store without room, say: nothing leaves the actor before the home has heard, so it is tried until it does. */
  private failed(thrown: unknown): void {
    const { cell, host } = this;
    if (cell.status !== 'running') return;
    const { code, message } = GodwitError.from(thrown);
    host.options.logger.log('warn', 'checkpoint.not-told', { node: host.id.name, actor: cell.address, code, reason: message });
    host.options.clock.after(tellAgainMs, () => this.tellAgain());
  }

  private get isAtHome(): boolean {
    return this.host.directory.homeOf(this.cell.address) === this.host.id.name;
  }

  private get homeLink() {
    return this.host.routes.links.get(this.host.directory.homeOf(this.cell.address));
  }

  private isReachable(): boolean {
    return this.isAtHome || this.homeLink?.attached === true;
  }

  private isDue(): boolean {
    const { cell } = this;
    if (this.missing) return true;
    const turns = cell.turns - cell.checkpointedTurns;
    if (cell.durable) return turns > 0 || cell.outlet.uncaptured;
    return originOf(cell.address) !== this.host.id.name && cell.checkpointTurns > 0 && turns >= cell.checkpointTurns;
  }

  private async take(): Promise<void> {
    const { cell } = this;
    const { capture, handled, sent, turns } = await this.capture();
    const bytes = encodeCapture(capture);
    const hash = await this.host.options.digest.sha256(bytes);
    if (cell.status !== 'running') return;
    this.missing = false;
    const checkpoint: Unconfirmed = { base: { hash, turns }, bytes, handled, sent };
    this.unconfirmed.push(checkpoint);
    for (const { channel, number } of sent) this.told.set(channel, Math.max(number, this.told.get(channel) ?? 0));
    const delta = this.latest === undefined || this.isAtHome ? undefined : deltaOf(this.latest, capture);
    this.latest = { hash, state: capture.instance.state };
    await this.tell(checkpoint, delta);
  }

  private async capture(): Promise<{ readonly capture: CellCapture } & Pick<Unconfirmed, 'handled' | 'sent'> & { readonly turns: number }> {
    const { cell } = this;
    try {
      cell.hold();
      await cell.idle();
      cell.freeze();
      if (cell.instance === undefined) throw new GodwitError('ABORTED', 'the actor lost its instance');
      const instance = await cell.instance.capture(() => cell.outlet.release());
      cell.lastCapture = instance;
      const handled = [...cell.cursors.values()].map((cursor) => ({ cursor, number: cursor.handled }));
      const sent = [...cell.outlet.channels.values()].map((channel) => ({ channel, number: channel.next - 1 }));
      const capture = captureCell(cell, instance, this.host.now(), false);
      cell.captured();
      return { capture, handled, sent, turns: cell.turns };
    } finally {
      cell.thaw();
      cell.release();
    }
  }

  private async tell({ base, bytes }: Unconfirmed, delta: Delta | undefined): Promise<void> {
    const { cell, host } = this;
    if (this.isAtHome) {
      this.homes.checkpointed(cell.address, host.id, cell.epoch, base, bytes);
      return;
    }
    const home = this.homeLink;
    // What cannot be told now is told when the home is there again.
    if (home === undefined || !home.attached) return;
    const inline = delta === undefined && bytes.length <= inlineCaptureBytes;
    if (!inline && delta === undefined) {
      await host.options.blobs.put(bytes);
      await host.options.transfer.offer(home.peer.node, base.hash);
    }
    const message: CheckpointMessage = {
      type: 'checkpoint',
      actor: cell.address,
      epoch: cell.epoch,
      hash: base.hash,
      turns: base.turns,
      ...(inline ? { bytes } : {}),
      ...(delta === undefined ? {} : { delta }),
    };
    home.control(message);
  }

  private tellOfRunningTurn(): void {
    const { cell, host } = this;
    // D1. A turn that was not known to await has begun too early: what it sends waits for its end.
    if (cell.turns !== cell.checkpointedTurns || cell.outlet.begunUncaptured) return;
    const journal = journalOf(cell, this.told, host.now());
    if (journal === undefined || journal.outputs.length === 0) return;
    const told = [...cell.outlet.channels.values()].map((channel) => [channel, channel.next - 1] as const);
    for (const [channel, number] of told) this.told.set(channel, number);
    const sequence = ++this.sequence;
    this.journals.push({ sequence, told });
    if (!this.isAtHome) {
      this.homeLink?.control({ type: 'journal', actor: cell.address, epoch: cell.epoch, sequence, journal } as JournalMessage);
      return;
    }
    this.homes.journaled(cell.address, host.id, cell.epoch, journal).then(
      () => this.journaled(sequence),
      (thrown: unknown) => this.failed(thrown),
    );
  }

  private dropBlob(hash: Hash, bytes: Uint8Array): void {
    if (!this.isAtHome && bytes.length > inlineCaptureBytes) deleteBlob(this.host, hash);
  }
}
