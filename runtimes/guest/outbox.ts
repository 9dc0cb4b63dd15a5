import { Dictionary } from './dictionary.js';
import { kinds, recordBytes, sharedHeader, type Views, viewsOf, writeRecord } from './packed.js';

/** Bytes at first; it doubles. Small, because each instance has one. */
const firstBytes = 16 * 1024;

/**
 * Records on their way out of the guest. What a segment writes stays behind `committed` until `commit`; `discard` takes it back.
 *
 *   0 ────────── drained ──────────── committed ─────────── position
 *     has left             may leave              running segment
 */
export class Outbox {
  readonly dictionary: Dictionary;
  views: Views = viewsOf(new ArrayBuffer(firstBytes));
  private position = 0;

  constructor(
    private readonly header: Uint32Array,
    private readonly encode: (value: unknown) => Uint8Array,
  ) {
    this.dictionary = new Dictionary((slot, value) => this.write(kinds.word, 0, 0, slot, 0, this.encode(value)));
  }

  write(kind: number, ask: number, amount: number, word: number, target: number, payload: Uint8Array | undefined): void {
    const bytes = recordBytes(payload === undefined ? 0 : payload.length);
    this.makeRoom(bytes);
    this.position = writeRecord(this.views, this.position, kind, ask, amount, word, target, payload);
  }

  commit(): void {
    this.header[sharedHeader.committed] = this.position;
  }

  discard(): void {
    const committed = this.header[sharedHeader.committed];
    if (this.position === committed) return;
    this.position = committed;
    this.dictionary.forget();
  }

  private makeRoom(bytes: number): void {
    const { header } = this;
    if (this.position === header[sharedHeader.drained] && this.position === header[sharedHeader.committed]) {
      this.position = 0;
      header[sharedHeader.committed] = 0;
      header[sharedHeader.drained] = 0;
    }
    let capacity = this.views.u8.length;
    if (this.position + bytes <= capacity) return;
    while (capacity < this.position + bytes) capacity *= 2;
    const { u8 } = this.views;
    this.views = viewsOf(new ArrayBuffer(capacity));
    this.views.u8.set(u8.subarray(0, this.position));
    header[sharedHeader.buffers] = header[sharedHeader.buffers] + 1;
  }
}
