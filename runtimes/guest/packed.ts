// The packed layout: how turns reach a guest and how what it does comes back, without JSON, objects or a copy per record.
// Used by both halves of the worker and, inside the engine, by the guest; so it uses ECMAScript only. Everything is little-endian.
//
//   batch   one transferred ArrayBuffer, at most one per task in each direction
//   ┌───────────┬─────────┬─────────────────────────┬─────────────────────────┐
//   │ usedBytes │ unused  │ chunk                   │ chunk                   │ …
//   │ u32       │ u32     │                         │                         │
//   └───────────┴─────────┴─────────────────────────┴─────────────────────────┘
//   chunk   consecutive records of one instance
//   ┌───────────┬─────────┬───────────┬───────────┐
//   │ instance  │ bytes   │ record    │ record    │ …       `bytes` counts the records, not this header
//   │ u32       │ u32     │           │           │
//   └───────────┴─────────┴───────────┴───────────┘
//   record  begins at a multiple of 8, so that its fields are plain reads of typed arrays
//   ┌───────┬───────┬────────────┬────────────┬───────┬────────┬──────────────┬────────┬─────────────────────┐
//   │ bytes │ kind  │ ask        │ amount     │ word  │ target │ payloadBytes │ unused │ payload, padded to 8 │
//   │ 0 u32 │ 4 u32 │ 8 f64      │ 16 f64     │ 24 u32│ 28 u32 │ 32 u32       │ 36 u32 │ 40                   │
//   └───────┴───────┴────────────┴────────────┴───────┴────────┴──────────────┴────────┴─────────────────────┘
//   `word` and `target` are slots of the stream's dictionary (dictionary.ts); 0 is none. The payload is bytes of core/codec.

/** What a record says. Above `word`: towards the guest and back; the fields each uses are beside it. */
export const kinds = {
  /** Fills dictionary slot `word` with the decoded payload. */
  word: 1,
  /** Towards the guest: a turn (word = message, target = sender, amount = remainingMs). From it: a send (target = receiver, amount = timeoutMs). */
  tell: 2,
  ask: 3,
  stream: 4,
  /** Answers `ask`: towards the guest it settles, from it it replies. `fail` carries an ErrorValue. */
  reply: 5,
  fail: 6,
  item: 7,
  end: 8,
  /** `amount` = upTo. */
  more: 9,
  /** Towards the guest: the asker gave up. From it: the guest gave up. */
  cancel: 10,
  /** ask = timer, amount = delayMs, word = message. */
  after: 11,
  cancelTimer: 12,
  /** Payload: [protocol, name]. */
  child: 13,
  /** word = method, target = host function. */
  call: 14,
  /** amount = fraction. */
  progress: 15,
  /** Payload: [level, event, fields]. */
  log: 16,
  /** No payload, or {threw, decision}. */
  turnEnded: 17,
  /** Written by the inside half, not by the guest: the instance died. Payload: ErrorValue. */
  failed: 18,
  /** Towards the guest: a turn whose payload could not be packed; it ends in its order. Payload: ErrorValue. */
  refused: 19,
} as const;

export const batchHeaderBytes = 8;
export const chunkHeaderBytes = 8;
export const recordHeaderBytes = 40;

/** Bytes that a record with such a payload takes. */
export function recordBytes(payloadBytes: number): number {
  return (recordHeaderBytes + payloadBytes + 7) & ~7;
}

/** Three views of one buffer. */
export interface Views {
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly f64: Float64Array<ArrayBuffer>;
}

/** @param buffer its length is a multiple of 8 */
export function viewsOf(buffer: ArrayBuffer): Views {
  return { u8: new Uint8Array(buffer), u32: new Uint32Array(buffer), f64: new Float64Array(buffer) };
}

/** Writes one record at `at` (a multiple of 8), where there is room for it. @returns where the next one begins */
export function writeRecord(
  { u8, u32, f64 }: Views,
  at: number,
  kind: number,
  ask: number,
  amount: number,
  word: number,
  target: number,
  payload: Uint8Array | undefined,
): number {
  const payloadBytes = payload === undefined ? 0 : payload.length;
  const bytes = recordBytes(payloadBytes);
  const w = at >>> 2;
  u32[w] = bytes;
  u32[w + 1] = kind;
  f64[(at >>> 3) + 1] = ask;
  f64[(at >>> 3) + 2] = amount;
  u32[w + 6] = word;
  u32[w + 7] = target;
  u32[w + 8] = payloadBytes;
  u32[w + 9] = 0;
  if (payload !== undefined) u8.set(payload, at + recordHeaderBytes);
  return at + bytes;
}

/** Index of the words of the header that a guest shares with its engine (a Uint32Array in guest memory). */
export const sharedHeader = {
  /** Written by the engine: argument of the next call (offset of a record in the inbox, or a size). */
  argument: 0,
  /** Written by the guest: bytes in the outbox that may leave; what lies beyond belongs to a running segment. */
  committed: 1,
  /** Written by the engine: bytes of the outbox that have left. */
  drained: 2,
  /** Written by the guest: grows when the outbox or inbox is another buffer. */
  buffers: 3,
  words: 4,
} as const;
