// Reads streams of one courier, one after another, slowly, so that moves and faults happen while they are open.
import { setTimeout as pause } from 'node:timers/promises';
import { GodwitError } from '#core';
import { askMs, type CourierRef } from './courier.js';

/** What came of the streams of one courier. */
export interface Read {
  readonly courier: string;
  opened: number;
  /** Items that came in their turn. */
  items: number;
  /** Items that were left out. */
  lost: number;
  /** Items that had come before. */
  repeated: number;
  /** Streams that ended otherwise than by their last item, by code. */
  readonly failed: Record<string, number>;
}

/** Items of one stream: several seconds at {@link paceMs}, beyond any fault. */
const itemCount = 60;
const paceMs = 100;

export function createRead(courier: string): Read {
  return { courier, opened: 0, items: 0, lost: 0, repeated: 0, failed: {} };
}

/** Reads until the signal aborts; what is open then is given up. */
export async function readStreams(ref: CourierRef, read: Read, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    read.opened += 1;
    try {
      await readOne(ref, read, ended);
    } catch (thrown) {
      const { code, message } = GodwitError.from(thrown);
      process.stderr.write(`stream of ${read.courier}: ${code}: ${message}\n`);
      read.failed[code] = (read.failed[code] ?? 0) + 1;
      await pause(paceMs);
    }
  }
}

async function readOne(ref: CourierRef, read: Read, ended: AbortSignal): Promise<void> {
  let next = 1;
  for await (const item of ref.count({ from: 1, upTo: itemCount }, { timeoutMs: askMs })) {
    next = enterItem(read, next, item);
    if (ended.aborted) return;
    await pause(paceMs);
  }
  read.lost += itemCount - next + 1;
}

/** @returns the number that must come next */
export function enterItem(read: Read, next: number, item: number): number {
  if (item < next) {
    read.repeated += 1;
    return next;
  }
  read.lost += item - next;
  read.items += 1;
  return item + 1;
}
