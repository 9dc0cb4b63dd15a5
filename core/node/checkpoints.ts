import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import { Backup, type CheckpointMessage, type CheckpointWantedMessage, type JournaledMessage, type JournalMessage } from './backup.js';
import type { Bases } from './bases.js';
import type { Cell } from './cell.js';
import { applyDelta } from './delta.js';
import type { Homes } from './homes.js';
import type { Link } from './link.js';
import type { MigrationHost } from './migration-host.js';

/** Until a blob that could not be fetched is asked for again, in milliseconds. */
const fetchAgainMs = 250;

/**
 * Checkpoints, from both ends. A record is acknowledged to its sender only when a checkpoint that has handled it is kept at home: whatever the
 * owner's node had handled beyond it is sent, and run, again after a takeover.
 */
export class Checkpoints {
  private readonly backups = new Map<string, Backup>();
  /** What the home takes in, one after the other for each actor: a journal belongs to the checkpoint before it. */
  private readonly incoming = new Map<string, Promise<void>>();

  /** Blobs that are being fetched from owners, by actor. */
  private readonly fetching = new Map<string, { readonly link: Link; reject(error: GodwitError): void }>();

  constructor(
    private readonly host: MigrationHost,
    private readonly bases: Bases,
    private readonly homes: Homes,
  ) {}

  /** Called after each turn of an actor that checkpoints, and whenever a durable one has sent something. */
  whenDue(cell: Cell): void {
    this.backupOf(cell).due();
  }

  /** The home says what base its register names. */
  registered(actor: string, hash: Hash | undefined): void {
    if (hash !== undefined) this.backups.get(actor)?.confirmed(hash);
  }

  journaled(message: JournaledMessage, from: Link): void {
    if (this.host.directory.homeOf(message.actor) === from.peer.node) this.backups.get(message.actor)?.journaled(message.sequence);
  }

  /** A link is back: what its node was not told, or did not answer, is told again. */
  linkRegained(peer: string): void {
    for (const [address, backup] of this.backups) {
      if (this.host.directory.homeOf(address) === peer) backup.tellAgain();
    }
  }

  /** It runs here no more. */
  left(cell: Cell): void {
    const backup = this.backups.get(cell.address);
    if (backup?.cell !== cell) return;
    backup.close();
    this.backups.delete(cell.address);
  }

  /** Its home, this node, has no base of it. */
  missing(cell: Cell): void {
    this.backupOf(cell).miss();
  }

  /** The actor goes on here, under a later epoch perhaps. */
  owned(cell: Cell): void {
    const backup = this.backups.get(cell.address);
    if (backup?.cell === cell) backup.tellAgain();
  }

  /** The actor has another home, which has to hear what the one before was told. */
  rehomed(address: string): void {
    this.backups.get(address)?.tellAgain();
  }

  /** The home's side: keeps what the owner sent; `registered` answers it. */
  keep(message: CheckpointMessage, from: Link): void {
    this.inTurn(message.actor, from, async () => {
      const { options } = this.host;
      const bytes = await this.bytesOf(message, from);
      if (bytes === undefined) return;
      if ((await options.digest.sha256(bytes)) !== message.hash)
        throw new GodwitError('DATA_LOSS', `checkpoint of ${message.actor} by ${from.peer.node} does not match its hash`);
      const { node: name, boot } = from.peer;
      this.homes.checkpointed(message.actor, { name, boot }, message.epoch, { hash: message.hash, turns: message.turns }, bytes);
    });
  }

  /** The home's side: notes what the owner's turn under way has sent. */
  journal({ actor, epoch, sequence, journal }: JournalMessage, from: Link): void {
    this.inTurn(actor, from, async () => {
      const { node: name, boot } = from.peer;
      await this.homes.journaled(actor, { name, boot }, epoch, journal);
      from.control({ type: 'journaled', actor, sequence } as JournaledMessage);
    });
  }

  wanted({ actor, hash }: CheckpointWantedMessage, from: Link): void {
    if (this.host.directory.homeOf(actor) === from.peer.node) this.backups.get(actor)?.wanted(hash);
  }

  linkLost(link: Link): void {
    for (const fetch of this.fetching.values())
      if (fetch.link === link) fetch.reject(new GodwitError('UNAVAILABLE', `the link to ${link.peer.node} dropped while a checkpoint was being fetched`));
  }

  /** It does not outlive the link: what is told after it must not wait for the transfer's own deadline. */
  private async fetch(actor: string, hash: Hash, from: Link): Promise<Uint8Array> {
    const lost = new Promise<never>((_resolve, reject) => {
      this.fetching.set(actor, { link: from, reject });
    });
    try {
      return await Promise.race([this.host.options.transfer.obtain(from.peer.node, hash), lost]);
    } finally {
      this.fetching.delete(actor);
    }
  }

  /** @returns undefined if it cannot be had now: the owner is asked for it again */
  private async bytesOf({ actor, bytes, delta, hash }: CheckpointMessage, from: Link): Promise<Uint8Array | undefined> {
    const before = delta === undefined ? undefined : this.bases.get(delta.on);
    if (delta !== undefined && before !== undefined) return applyDelta(before, delta);
    if (bytes !== undefined) return bytes;
    const ask = () => from.control({ type: 'checkpoint-wanted', actor, hash } as CheckpointWantedMessage);
    if (delta !== undefined) {
      ask();
      return undefined;
    }
    try {
      return await this.fetch(actor, hash, from);
    } catch (thrown) {
      this.host.options.logger.log('warn', 'checkpoint.not-fetched', { node: this.host.id.name, actor, reason: GodwitError.from(thrown).message });
      this.host.options.clock.after(fetchAgainMs, ask);
      return undefined;
    }
  }

  private backupOf(cell: Cell): Backup {
    let backup = this.backups.get(cell.address);
    if (backup?.cell !== cell) {
      backup = new Backup(cell, this.host, this.homes);
      this.backups.set(cell.address, backup);
    }
    return backup;
  }

  private inTurn(actor: string, from: Link, work: () => Promise<void>): void {
    const done = (this.incoming.get(actor) ?? Promise.resolve()).then(work).catch((thrown: unknown) => {
      const error = GodwitError.from(thrown);
      // One that came late, from an owner that is none any more, is no offence.
      if (error.code === 'DATA_LOSS') from.refuse('checkpoint', error);
      else this.host.options.logger.log('debug', 'checkpoint.refused', { node: this.host.id.name, actor, code: error.code, reason: error.message });
    });
    this.incoming.set(actor, done);
    done.then(() => this.incoming.get(actor) === done && this.incoming.delete(actor)).catch(() => undefined);
  }
}
