// What the actor behind a channel keeps, and who waits for a change of it.
import type { Context } from '../actors/context.js';
import { GodwitError } from '../errors.js';
import type { End } from './channel-outlet.js';
import type { Flow, Overflow } from './flow.js';

/** What a channel is opened with. */
export interface HubOptions {
  readonly many: boolean;
  readonly near: 'static' | 'flexible';
  readonly far: 'static' | 'flexible';
  readonly capacity: number;
  readonly overflow: Overflow;
  readonly replay: number;
  readonly unreachableMs: number;
}

/** Both directions of a channel. */
export interface HubState {
  options: HubOptions | undefined;
  /** From the near end to the far one, and back. */
  readonly flows: { readonly [sender in End]?: Flow };
  checking: boolean;
  /** Times since the end that values were found here, and nobody to receive them. */
  unclaimed: number;
}

/** The end at the far side of one. */
export const other = (end: End): End => (end === 'near' ? 'far' : 'near');

/** What the end sends into. @throws {GodwitError} FAILED_PRECONDITION the channel was never opened here */
export function flowFrom(state: HubState, end: End, ctx: Context): Flow {
  const flow = state.flows[end];
  if (flow === undefined) throw new GodwitError('FAILED_PRECONDITION', `channel ${ctx.self.$address} is not open: its node was restarted; make it again`);
  return flow;
}

/** Who waits for a change of a queue, or for room: not part of the state, since whoever waits has a stream open. */
const wakers = new WeakMap<object, Set<() => void>>();

/** Something changed: whoever waits for it looks again. */
export function wake(waitedFor: object): void {
  const waiting = wakers.get(waitedFor);
  wakers.delete(waitedFor);
  for (const go of waiting ?? []) go();
}

/** Resolves at the next {@link wake} of it, or when the asker gives up. */
export function changed(waitedFor: object, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let waiting = wakers.get(waitedFor);
    if (waiting === undefined) {
      waiting = new Set();
      wakers.set(waitedFor, waiting);
    }
    const go = () => {
      signal.removeEventListener('abort', go);
      resolve();
    };
    waiting.add(go);
    signal.addEventListener('abort', go, { once: true });
  });
}

/** Who sent what is handled now. */
export function addressOf(ctx: Context): string {
  return ctx.sender?.$address ?? '';
}
