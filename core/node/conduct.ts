// How a peer behaves. What it says and may not is refused where it is heard; this counts it, and says when it is enough.
//
// Two kinds of offence. One that some honest peer might commit by a fault that passes (a field a later version added, a message of a move
// that is over) is refused and counted. One that no honest peer commits, because its sender would have to make it up, is thrown: it closes
// the link at once. What honest peers do send late or twice after moves and lost links (old epochs, repeated records, records of a stream
// that was bounced, messages of a forgotten move) is no offence; it is answered as the protocol says and comes by nowhere near here.

import { type Code, GodwitError } from '../errors.js';

/** What an offence was about; each is logged once in a peer's life. */
export type Offence =
  | 'frame'
  | 'record'
  | 'acknowledgement'
  | 'stream'
  | 'sender'
  | 'name'
  | 'bounce'
  | 'control'
  | 'unknown-message'
  | 'authority'
  | 'checkpoint'
  | 'not-reading'
  /** The link was closed because one of these persisted. */
  | 'closed';

/** Offences after which a link is closed. One that is due to a fault comes alone; a liar gets no further than this. */
const tolerated = 16;
/** One offence is forgotten after this long: rare faults never add up to a closed link. */
const forgivenAfterMs = 10_000;
/** How long a peer stays shut out after the first link that was closed for its conduct: well below a lease, so that a fault costs no ownership. */
const firstExclusionMs = 1000;
/** It doubles with every further one up to this: a liar that comes back costs one introduction a minute. */
const longestExclusionMs = 60_000;
/** Good conduct after which the next exclusion is the first again. */
const rehabilitatedAfterMs = 600_000;

/** An offence that no honest peer commits. Thrown while a frame is read it closes the link. */
export function lie(offence: Offence, message: string, code: Code = 'DATA_LOSS'): GodwitError {
  return new GodwitError(code, message, { details: { offence } });
}

/** What the error of a closed link was about. */
export function offenceOf(error: GodwitError): Offence {
  return (error.details as { readonly offence?: Offence } | undefined)?.offence ?? 'frame';
}

/** The conduct of one life of a peer, over all its links. Times are milliseconds on this node's clock. */
export class Conduct {
  private readonly heard = new Set<Offence>();
  private count = 0;
  private countedAtMs = 0;
  private exclusions = 0;
  private excludedUntilMs = Number.NEGATIVE_INFINITY;

  /** True the first time: the time to log it. */
  isNew(offence: Offence): boolean {
    if (this.heard.has(offence)) return false;
    this.heard.add(offence);
    return true;
  }

  /** Counts an offence. @returns true if it is one too many */
  persists(nowMs: number): boolean {
    const forgiven = Math.floor((nowMs - this.countedAtMs) / forgivenAfterMs);
    this.countedAtMs = forgiven >= this.count ? nowMs : this.countedAtMs + forgiven * forgivenAfterMs;
    this.count = Math.max(0, this.count - forgiven) + 1;
    return this.count >= tolerated;
  }

  /** The link was closed for it. */
  exclude(nowMs: number): void {
    if (nowMs - this.excludedUntilMs > rehabilitatedAfterMs) this.exclusions = 0;
    this.excludedUntilMs = nowMs + Math.min(longestExclusionMs, firstExclusionMs * 2 ** this.exclusions);
    this.exclusions += 1;
    this.count = 0;
  }

  /** How long the peer stays shut out; 0 if it may link. */
  exclusionMs(nowMs: number): number {
    return Math.max(0, this.excludedUntilMs - nowMs);
  }
}
