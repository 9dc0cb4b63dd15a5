import type { Step } from '#actors/search-and-rescue';

/** Consecutive frames that were answered at one node. */
export interface Stay {
  readonly node: string;
  readonly frames: number[];
  /** Of each frame: milliseconds from the question to the answer, without the camera's own time. */
  readonly responsesMs: number[];
  backend: string;
}

/** How the frames fared. */
export interface FrameCounts {
  readonly sent: number;
  readonly answered: number;
  /** Sent and never answered. */
  readonly lost: number;
  /** Frames that got a second answer, or that the detector counted twice. */
  readonly duplicated: number;
  /** Answers to a frame older than one answered before, or that the detector handled in another order. */
  readonly outOfOrder: number;
}

/**
 * The books on every frame. The detector counts in its own state, which moves with it; the two counts must agree, whatever happened.
 */
export class FrameLedger {
  readonly stays: Stay[] = [];
  private readonly answers = new Map<number, Step>();
  private sent = 0;
  private lastFrame = -1;
  private lastHandled = 0;
  private duplicated = 0;
  private outOfOrder = 0;

  send(): void {
    this.sent += 1;
  }

  /** @param node that answered */
  answer(step: Step, node: string, responseMs: number): void {
    const { frame, framesHandled, backend } = step;
    if (this.answers.has(frame)) this.duplicated += 1;
    else this.answers.set(frame, step);
    if (frame < this.lastFrame || framesHandled <= this.lastHandled) this.outOfOrder += 1;
    // The detector handles a frame once, so its count goes up by one from answer to answer.
    if (framesHandled > this.lastHandled + 1) this.duplicated += framesHandled - this.lastHandled - 1;
    this.lastFrame = Math.max(this.lastFrame, frame);
    this.lastHandled = framesHandled;
    const stay = this.stayAt(node, backend);
    stay.frames.push(frame);
    stay.responsesMs.push(responseMs);
    stay.backend = backend;
  }

  get steps(): readonly Step[] {
    return [...this.answers.values()];
  }

  stepOf(frame: number): Step | undefined {
    return this.answers.get(frame);
  }

  counts(): FrameCounts {
    const { sent, duplicated, outOfOrder } = this;
    return { sent, answered: this.answers.size, lost: sent - this.answers.size, duplicated, outOfOrder };
  }

  private stayAt(node: string, backend: string): Stay {
    const last = this.stays.at(-1);
    if (last?.node === node) return last;
    const stay: Stay = { node, frames: [], responsesMs: [], backend };
    this.stays.push(stay);
    return stay;
  }
}

/** The value below which a share of all values lies, by nearest rank; NaN of none. @param share from 0 to 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
