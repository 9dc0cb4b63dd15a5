// Counts, at an actor's home, what keeping its state safe takes. Its node is wired with ports that are watched: only while something is
// counted do they do anything, and what arrived is looked into afterwards.
import { type BlobTransfer, type Digest, decode, type Pipe, type Store, type Transport } from '#core';

/** What was sent to the standby, and done there. */
export interface Traffic {
  /** Captures that were told to the standby. */
  readonly captures: number;
  /** Journals of turns under way that were written. */
  readonly journals: number;
  /** Bytes of checkpoints and journals that came over the link, and of captures that came beside it. */
  readonly linkBytes: number;
  /** Bytes of keys and values that the store was given. */
  readonly diskBytes: number;
}

/** Milliseconds without any write, after which the home has done what answers have left behind: a disk may lag behind them. */
const quietMs = 25;

/** The watch over one home. */
export class StandbyTraffic {
  /** Address of whom is counted; undefined while nothing is. */
  private actor: string | undefined;
  private readonly frames: Uint8Array[] = [];
  private captures = 0;
  private journals = 0;
  private blobBytes = 0;
  private diskBytes = 0;
  private writing = 0;
  private lastAt = 0;

  /** Counts for one actor, while no other of this home has anything to do. @returns what `work` made */
  async during(actor: string, work: () => Promise<void>): Promise<Traffic> {
    await this.quiet();
    this.captures = this.journals = this.blobBytes = this.diskBytes = 0;
    this.actor = actor;
    await work();
    await this.quiet();
    this.actor = undefined;
    let linkBytes = this.blobBytes;
    for (const frame of this.frames.splice(0)) linkBytes += safekeepingBytes(frame, actor);
    return { captures: this.captures, journals: this.journals, linkBytes, diskBytes: this.diskBytes };
  }

  /** Resolves when the home has written what it was told. */
  async quiet(): Promise<void> {
    while (this.writing > 0 || performance.now() - this.lastAt < quietMs) await new Promise((resolve) => setTimeout(resolve, quietMs));
  }

  /** Of each capture the home takes the hash once: of its own actor's to name it, of another's to check it. */
  watchDigest(digest: Digest): Digest {
    return {
      sha256: (bytes) => {
        this.lastAt = performance.now();
        if (this.actor !== undefined) this.captures += 1;
        return digest.sha256(bytes);
      },
    };
  }

  watchStore(store: Store): Store {
    return {
      found: store.found,
      write: async (changes) => {
        for (const [key, bytes] of changes) this.written(key, bytes);
        this.writing += 1;
        await store.write(changes).finally(() => {
          this.writing -= 1;
          this.lastAt = performance.now();
        });
      },
    };
  }

  watchTransfer(transfer: BlobTransfer): BlobTransfer {
    return {
      offer: (peer, hash) => transfer.offer(peer, hash),
      obtain: async (peer, hash) => {
        const bytes = await transfer.obtain(peer, hash);
        if (this.actor !== undefined) this.blobBytes += bytes.length;
        return bytes;
      },
    };
  }

  watchTransport(transport: Transport): Transport {
    return {
      dial: async (address, signal) => new WatchedPipe(await transport.dial(address, signal), (frame) => this.actor !== undefined && this.frames.push(frame)),
    };
  }

  private written(key: string, bytes: Uint8Array | undefined): void {
    const kind = key.slice(0, key.indexOf('/'));
    if (key !== `${kind}/${this.actor}`) return;
    this.diskBytes += key.length + (bytes?.length ?? 0);
    if (bytes !== undefined && kind === 'journal') this.journals += 1;
  }
}

class WatchedPipe implements Pipe {
  onFrame: Pipe['onFrame'] = () => {};
  onClose: Pipe['onClose'] = () => {};
  onDrain: Pipe['onDrain'] = () => {};

  constructor(
    private readonly pipe: Pipe,
    watch: (frame: Uint8Array) => void,
  ) {
    pipe.onFrame = (frame) => {
      watch(frame);
      this.onFrame(frame);
    };
    pipe.onClose = (error) => this.onClose(error);
    pipe.onDrain = () => this.onDrain();
  }

  get bufferedBytes(): number {
    return this.pipe.bufferedBytes;
  }

  send(frame: Uint8Array): void {
    this.pipe.send(frame);
  }

  close(): void {
    this.pipe.close();
  }
}

// The layout of a frame's entries, see core/delivery/wire.ts.
const entry = { record: 1, ack: 2, open: 3, name: 4, bounce: 5, control: 6 } as const;
const noPayload = 0xffffffff;
const withoutRefs = { describe: () => undefined, revive: (target: unknown) => target };

/** Bytes of an actor's checkpoints and journals in a frame. */
function safekeepingBytes(frame: Uint8Array, of: string): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let bytes = 0;
  for (let at = 0; at < frame.length; ) {
    const length = entryBytes(view, at);
    if (view.getUint8(at) === entry.control) {
      const { type, actor } = decode(frame.subarray(at + 8, at + length), withoutRefs) as { readonly type: string; readonly actor?: string };
      if (actor === of && (type === 'checkpoint' || type === 'journal')) bytes += length;
    }
    at += length;
  }
  return bytes;
}

/** Bytes of the entry at `at`. */
function entryBytes(view: DataView, at: number): number {
  switch (view.getUint8(at)) {
    case entry.record: {
      const length = view.getUint32(at + 32, true);
      return 36 + (length === noPayload ? 0 : length);
    }
    case entry.ack:
      return 24;
    case entry.open:
    case entry.bounce:
      return 12 + view.getUint32(at + 8, true);
    case entry.name:
    case entry.control:
      return 8 + view.getUint32(at + 4, true);
    default:
      throw new Error(`a frame has an entry of unknown kind ${view.getUint8(at)} at byte ${at}`);
  }
}
