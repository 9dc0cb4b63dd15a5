import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { Bases } from './bases.js';
import { captureCell } from './capture.js';
import type { Cell } from './cell.js';
import { homeOf } from './directory.js';
import type { Homes } from './homes.js';
import type { Link } from './link.js';
import { deleteBlob, inlineCaptureBytes, type MigrationHost } from './migration-host.js';
import type { Owners } from './owners.js';

/** owner → home: the actor as it was between two turns; `bytes` if small enough to ride along, else the blob `hash` is on offer. */
export interface CheckpointMessage {
  readonly type: 'checkpoint';
  readonly actor: string;
  readonly epoch: number;
  readonly hash: Hash;
  readonly turns: number;
  readonly bytes?: Uint8Array;
}

/** home → owner: it is kept. */
export interface CheckpointedMessage {
  readonly type: 'checkpointed';
  readonly actor: string;
  readonly hash: Hash;
}

/**
 * Checkpoints of actors away from home. A record is acknowledged to its sender only when a checkpoint that has handled it is kept at
 * home: whatever the owner's node had handled beyond it is sent, and run, again after a takeover.
 */
export class Checkpoints {
  /** By actor and hash: what to do once it is kept. */
  private readonly sent = new Map<string, { readonly cell: Cell; kept(): void; drop(): void }>();
  private readonly busy = new Set<Cell>();
  /** Cells with a checkpoint due that their home could not be sent. */
  private readonly waiting = new Set<Cell>();

  constructor(
    private readonly host: MigrationHost,
    private readonly bases: Bases,
    private readonly homes: Homes,
    private readonly owners: Owners,
  ) {}

  /** Called after each turn of an actor that checkpoints. One at a time: turns taken meanwhile share the next one. */
  whenDue(cell: Cell): void {
    if (homeOf(cell.address) === this.host.id.name || this.busy.has(cell) || cell.status !== 'running') return;
    if (cell.turns - cell.checkpointedTurns < cell.checkpointTurns) return;
    this.busy.add(cell);
    this.take(cell).then(
      (isSent) => {
        this.busy.delete(cell);
        // Turns may have ended meanwhile, and none may follow them.
        if (isSent) this.whenDue(cell);
      },
      (thrown: unknown) => {
        this.busy.delete(cell);
        this.refused(cell.address, GodwitError.from(thrown).message);
      },
    );
  }

  /** The home's side: keeps what the owner sent, and says so. */
  keep(message: CheckpointMessage, from: Link): void {
    void this.store(message, from).catch((thrown: unknown) => this.refused(message.actor, GodwitError.from(thrown).message));
  }

  kept(message: CheckpointedMessage): void {
    const key = `${message.actor} ${message.hash}`;
    this.sent.get(key)?.kept();
    this.sent.delete(key);
  }

  /** A link dropped: what was not answered will not be, and is due again. */
  linkLost(): void {
    for (const { cell, drop } of this.sent.values()) {
      drop();
      cell.checkpointedTurns = 0;
      this.waiting.add(cell);
    }
    this.sent.clear();
  }

  /** A link is back: what could not be sent is tried again. */
  linkRegained(): void {
    const due = [...this.waiting];
    this.waiting.clear();
    for (const cell of due) this.whenDue(cell);
  }

  /** @returns false if the home is out of reach */
  private async take(cell: Cell): Promise<boolean> {
    const { host } = this;
    const home = host.routes.links.get(homeOf(cell.address));
    if (home === undefined || !home.attached) {
      this.waiting.add(cell);
      return false;
    }
    const { bytes, handled, turns } = await this.capture(cell);
    if (cell.status !== 'running') return false;
    const hash = await host.options.digest.sha256(bytes);
    const inline = bytes.length <= inlineCaptureBytes;
    if (!inline) {
      await host.options.blobs.put(bytes);
      await host.options.transfer.offer(home.peer.node, hash);
    }
    const drop = () => {
      if (!inline) deleteBlob(host, hash);
    };
    const kept = () => {
      drop();
      if (cell.status === 'ended') return;
      for (const { cursor, number } of handled) cursor.checkpointed(number);
      this.owners.stable(cell, { base: { hash, turns }, standby: { name: home.peer.node, boot: home.peer.boot } });
      host.emit({ type: 'checkpoint', actor: cell.address, turns, bytes: bytes.length });
    };
    if (!home.attached) {
      drop();
      cell.checkpointedTurns = 0;
      this.waiting.add(cell);
      return false;
    }
    this.sent.set(`${cell.address} ${hash}`, { cell, kept, drop });
    const message: CheckpointMessage = { type: 'checkpoint', actor: cell.address, epoch: cell.epoch, hash, turns, ...(inline ? { bytes } : {}) };
    home.control(message);
    return true;
  }

  private async capture(cell: Cell) {
    try {
      cell.hold();
      await cell.idle();
      cell.freeze();
      cell.checkpointedTurns = cell.turns;
      if (cell.instance === undefined) throw new GodwitError('ABORTED', 'the actor lost its instance');
      cell.outlet.release();
      const instance = await cell.instance.capture();
      cell.outlet.release();
      cell.lastCapture = instance;
      const handled = [...cell.cursors.values()].map((cursor) => ({ cursor, number: cursor.handled }));
      return { bytes: captureCell(cell, instance, this.host.now(), false), handled, turns: cell.turns };
    } finally {
      cell.thaw();
      cell.release();
    }
  }

  private async store(message: CheckpointMessage, from: Link): Promise<void> {
    const { options } = this.host;
    const register = this.homes.get(message.actor)?.state.register;
    if (register === undefined || register.owner.name !== from.peer.node || register.owner.boot !== from.peer.boot || register.epoch !== message.epoch) {
      throw new GodwitError('FAILED_PRECONDITION', `checkpoint of ${message.actor} by ${from.peer.node} at epoch ${message.epoch}: not the owner`);
    }
    const bytes = message.bytes ?? (await options.transfer.obtain(from.peer.node, message.hash));
    if ((await options.digest.sha256(bytes)) !== message.hash)
      throw new GodwitError('DATA_LOSS', `checkpoint of ${message.actor} by ${from.peer.node} does not match its hash`);
    this.bases.keep(message.actor, message.hash, message.turns, bytes);
    from.control({ type: 'checkpointed', actor: message.actor, hash: message.hash } as CheckpointedMessage);
  }

  private refused(actor: string, reason: string): void {
    this.host.options.logger.log('warn', 'checkpoint.refused', { node: this.host.id.name, actor, reason });
  }
}
