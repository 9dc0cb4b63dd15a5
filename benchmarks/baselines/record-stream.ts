// Records over a bare byte pipe, as a program written by hand for this one purpose would send them: the size, the coalescing and the
// acknowledgements of our link, but no codec, no cursors, no outbox, no routes, no resuming.
//
//     length u32 | kind u32 | number f64 | unused up to 36 bytes | payload

/** Bytes of a record before its payload, as in our link's frames. */
const headerBytes = 36;
/** A receiver acknowledges after this many records, as our link does. */
const acknowledgeAfter = 256;
const kinds = { tell: 1, ask: 2, reply: 3, acknowledgement: 4 } as const;
/** Bytes after which a frame is handed over without waiting for the microtask. */
const frameBytes = 256 * 1024;
const nothing = new Uint8Array(0);

/** Writes bytes to the pipe; they are the pipe's from then on. */
export type Write = (bytes: Uint8Array) => void;

/** One end: counts tells, echoes asks, and takes replies in the order of its asks. */
export class RecordStream {
  private bytes = new Uint8Array(frameBytes * 2);
  private view = new DataView(this.bytes.buffer);
  private length = 0;
  private flushing = false;
  private rest = nothing;
  private sent = 0;
  private handled = 0;
  private readonly replied: Array<() => void> = [];
  private readonly flushTask = () => this.flush();
  sum = 0;

  constructor(private readonly write: Write) {}

  tell(payload: Uint8Array): void {
    this.put(kinds.tell, payload);
  }

  ask(payload: Uint8Array, replied: () => void): void {
    this.replied.push(replied);
    this.put(kinds.ask, payload);
  }

  /** Takes bytes in, cut wherever the pipe cut them. */
  receive(chunk: Uint8Array): void {
    const bytes = this.rest.length === 0 ? chunk : joined(this.rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const end = at + view.getUint32(at, true);
      if (end > bytes.length) break;
      this.record(view.getUint32(at + 4, true), bytes.subarray(at + headerBytes, end));
      at = end;
    }
    this.rest = at === bytes.length ? nothing : bytes.slice(at);
  }

  private record(kind: number, payload: Uint8Array): void {
    if (kind === kinds.acknowledgement) return;
    this.handled += 1;
    this.sum += payload.length;
    if (kind === kinds.ask) this.put(kinds.reply, payload);
    else if (kind === kinds.reply) this.replied.shift()?.();
    if (this.handled % acknowledgeAfter === 0) this.put(kinds.acknowledgement, nothing);
  }

  private put(kind: number, payload: Uint8Array): void {
    const at = this.length;
    const end = at + headerBytes + payload.length;
    this.view.setUint32(at, end - at, true);
    this.view.setUint32(at + 4, kind, true);
    this.view.setFloat64(at + 8, ++this.sent, true);
    this.bytes.set(payload, at + headerBytes);
    this.length = end;
    if (end >= frameBytes) this.hand();
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(this.flushTask);
  }

  private flush(): void {
    this.flushing = false;
    if (this.length > 0) this.hand();
  }

  private hand(): void {
    const frame = this.bytes.slice(0, this.length);
    this.length = 0;
    this.write(frame);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
