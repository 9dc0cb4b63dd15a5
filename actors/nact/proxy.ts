import { type AnyRef, actor, type Context, stop } from '#core';
import type { NactReference } from './foreign.js';
import type { Origin } from './reference.js';

/** How often a proxy looks whether nact still has its actor, in milliseconds; a message finds out at once. */
const lookMs = 5000;

/** What a proxy needs of the bridge. */
interface Crossing {
  /** @throws {GodwitError} NOT_FOUND the actor has stopped */
  deliver(reference: NactReference, message: unknown, sender: AnyRef | undefined): void;
  isAlive(reference: NactReference): boolean;
  stopActor(reference: NactReference): void;
}

/** State of a proxy: it stands for an actor of this process, so no codec carries it. */
class Foreign {
  constructor(
    readonly crossing: Crossing,
    readonly reference: NactReference,
  ) {}

  take(message: unknown, sender: AnyRef | undefined, ctx: Context): void {
    this.crossing.deliver(this.reference, message, sender);
    // It stood for one answer.
    if (this.reference.type === 'temp') stop(ctx.self);
  }

  look(ctx: Context): void {
    if (this.crossing.isAlive(this.reference)) ctx.after(lookMs, 'look');
    else stop(ctx.self);
  }

  stop(ctx: Context): void {
    this.crossing.stopActor(this.reference);
    stop(ctx.self);
  }
}

const Proxied = actor('nact.proxy', {
  // Never called: each proxy begins with what it stands for.
  state: (): Foreign => undefined as never,
  needs: { pinned: true },
  supervise: { decide: (error) => (error.code === 'NOT_FOUND' ? 'stop' : 'resume') },
  on: {
    message: (foreign, message: unknown, ctx) => foreign.take(message, undefined, ctx),
    from: (foreign, { message, sender }: { readonly message: unknown; readonly sender: AnyRef }, ctx) => foreign.take(message, sender, ctx),
    begin: (foreign, _origin: Origin | undefined, ctx) => foreign.look(ctx),
    look: (foreign, _nothing: undefined, ctx) => foreign.look(ctx),
    stop: (foreign, _nothing: undefined, ctx) => foreign.stop(ctx),
  },
});

/** An actor of ours that passes everything on to one of nact. */
export function proxyDefinition(crossing: Crossing, reference: NactReference): typeof Proxied {
  return Object.freeze({ ...Proxied, state: () => new Foreign(crossing, reference) });
}
