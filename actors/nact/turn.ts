// One turn of an actor of nact's kind: its function as a handler, and nact's supervision, which is more than Godwit's: it is asynchronous, sees
// the message, and decides about parents, peers and children too.
//
// N1  Decisions about the actor itself are carried out in the turn that failed, those about another actor by a message to it.
// N2  An actor stops children first: it asks each in turn, in the order of their spawning, and knows them gone before it goes on.
// N3  Nobody waits for an actor that waits for him but as long as an ask lasts: then the child is stopped by Godwit itself.
import { type AnyRef, type CancelTimer, type Context, dispatch, GodwitError, type Ref as GodwitRef, type Holder, holderOf, stop } from '#core';
import { childrenOf, createActorContext } from './actor-context.js';
import { type Box, enter } from './box.js';
import { type Control, controlRef, type Fault, isAtHome, type Nobody, nameOf, nobody, type Origin, type Ref, type Verdict } from './reference.js';
import { type ActorContext, type Decision, decisions, type Script } from './script.js';

const verdicts = new WeakMap<GodwitError, Verdict>();

/** What Godwit's supervision is told of a turn that threw: what nact's has decided by then. */
export function verdictOn(error: GodwitError): Verdict {
  return verdicts.get(error) ?? 'resume';
}

/** Idle timers that run in this heap; one that moved is found out of date when it fires. */
const idleTimers = new WeakMap<object, CancelTimer>();

/** Runs one message of an actor. */
export class ActorTurn<S, M> {
  private readonly self: GodwitRef<Control>;
  private readonly holder: Holder;

  constructor(
    private readonly box: Box<S>,
    private readonly script: Script<S, M>,
    private readonly ctx: Context,
  ) {
    this.self = ctx.self as GodwitRef<Control>;
    this.holder = holderOf(ctx.self);
    enter(this.holder, box, script.movable);
  }

  async handle(message: M, sender: AnyRef | Nobody): Promise<void> {
    const { box, script } = this;
    await this.settle();
    if (box.stopped) throw new GodwitError('NOT_FOUND', `actor ${this.self.$address} was stopped`);
    if (!box.begun) await this.start();
    box.turns += 1;
    const context = this.context(sender);
    try {
      box.value = await script.fn.call(context, box.value, message, context);
    } catch (thrown) {
      await this.crashed(message, thrown, sender);
    }
    await this.settle();
    this.armIdle();
  }

  /** First message of a life, and a nudge to carry out what was decided. */
  async begin(origin: Origin | undefined): Promise<void> {
    const { box } = this;
    box.origin ??= origin;
    await this.settle();
    if (box.begun || box.stopped) return;
    await this.start();
    this.armIdle();
  }

  async stop(): Promise<void> {
    if (this.box.stopped) return;
    this.box.doom = 'stop';
    await this.settle();
  }

  async idle(turns: number): Promise<void> {
    if (turns === this.box.turns) await this.stop();
  }

  async reset(): Promise<void> {
    if (this.box.stopped) return;
    this.box.doom ??= 'reset';
    await this.settle();
    this.armIdle();
  }

  /** A child failed and leaves the decision to this actor. @returns what becomes of the child */
  async failed({ name, message, error }: Fault): Promise<Verdict> {
    const { box } = this;
    if (box.stopped || box.doom !== undefined) return 'stop';
    const decision = await this.decide(message as M, error, nobody, controlRef(`${this.self.$address}/${name}`, this.holder));
    switch (decision) {
      case 'stopChild':
        return 'stop';
      case 'resetChild':
        return 'reset';
      case 'stopAllChildren':
        this.tellChildren('stop', name);
        return 'stop';
      case 'resetAllChildren':
        this.tellChildren('reset', name);
        return 'reset';
      default: {
        const own = await this.verdict(decision, message, error);
        if (own === 'resume') return 'resume';
        // The child must be able to stop first, so this turn has to end.
        box.doom = own === 'reset' ? 'reset' : 'stop';
        dispatch(this.self, 'begin', undefined);
        return 'stop';
      }
    }
  }

  /** A child is about to stop. */
  async ended({ name, life }: { readonly name: string; readonly life: number }): Promise<void> {
    const { box, holder } = this;
    // Away from home only the child can say that its name is free again.
    if (!isAtHome(holder)) await this.stopChild(controlRef(`${this.self.$address}/${name}`, holder));
    if (box.children.get(name) === life) box.children.delete(name);
  }

  /** @param except the child that is at it already */
  tellChildren(message: 'stop' | 'reset', except: string): void {
    for (const child of childrenOf(this.box, this.ctx)) if (nameOf(child.$address) !== except) dispatch(child, message);
  }

  // ── Life ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async start(): Promise<void> {
    const { box, script } = this;
    box.begun = true;
    if (script.props.initialStateFunc === undefined) return;
    try {
      box.value = script.props.initialStateFunc(this.context(nobody));
    } catch (thrown) {
      await this.crashed(undefined, thrown, nobody);
    }
  }

  /** Carries out what was decided meanwhile. */
  private async settle(): Promise<void> {
    const { box } = this;
    const { doom } = box;
    if (doom === undefined) return;
    box.doom = undefined;
    if (doom === 'stop') {
      await this.end();
      // Whatever waits before this record is refused; behind it the actor is gone.
      stop(this.self);
    } else {
      await this.stopChildren();
      box.value = this.script.props.initialState as S;
      await this.start();
    }
  }

  private async end(): Promise<void> {
    const { box, script } = this;
    box.stopped = true;
    await this.stopChildren();
    const { origin } = box;
    if (origin !== undefined && !this.isAskedBy(origin.parent)) {
      dispatch(origin.parent as GodwitRef<Control>, 'ended', { name: nameOf(this.self.$address), life: origin.life });
      // Whoever hears of it from afterStop finds that the parent has heard as well.
      await segmentEnd();
    }
    try {
      await script.props.afterStop?.(box.value, this.context(nobody));
    } catch (thrown) {
      this.log('error', 'nact.afterStop.failed', thrown);
    }
  }

  /** A parent that asks its child to stop waits for it, and need not be told. */
  private isAskedBy(parent: AnyRef): boolean {
    return this.ctx.sender?.$address === parent.$address && this.ctx.remainingMs !== Number.POSITIVE_INFINITY;
  }

  // N2
  private async stopChildren(): Promise<void> {
    for (const child of childrenOf(this.box, this.ctx)) await this.stopChild(child);
    this.box.children.clear();
  }

  // N3
  private async stopChild(child: GodwitRef<Control>): Promise<void> {
    try {
      await child.stop();
      // The first ask ends with its last turn, the second with the actor.
      await child.stop();
    } catch (thrown) {
      if (GodwitError.from(thrown).code === 'NOT_FOUND') return;
      this.log('warn', 'nact.stop.forced', thrown, { child: child.$address });
      stop(child);
    }
  }

  private armIdle(): void {
    const { box, ctx } = this;
    const { shutdownAfter } = this.script.props;
    if (!shutdownAfter || box.stopped) return;
    idleTimers.get(box)?.();
    idleTimers.set(box, ctx.after(shutdownAfter, 'idle', box.turns));
  }

  // ── Supervision ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Decides on a throw and carries it out. @throws {GodwitError} always: what was thrown, with the verdict for Godwit's own supervision */
  private async crashed(message: M | undefined, thrown: unknown, sender: AnyRef | Nobody): Promise<never> {
    const error = GodwitError.from(thrown);
    const verdict = await this.verdict(await this.decide(message, thrown, sender, undefined), message, thrown);
    if (verdict === 'reset') {
      await this.stopChildren();
      dispatch(this.self, 'begin', this.box.origin);
    } else if (verdict !== 'resume') await this.end();
    // A throw discards what its segment sent, and all of this is to leave.
    await segmentEnd();
    verdicts.set(error, verdict);
    throw error;
  }

  private async decide(message: M | undefined, thrown: unknown, sender: AnyRef | Nobody, child: Ref<unknown> | undefined): Promise<Decision | undefined> {
    const { onCrash } = this.script.props;
    if (onCrash === undefined) {
      this.log('error', 'nact.crashed', thrown, child === undefined ? {} : { child: child.$address });
      return 'stop';
    }
    try {
      return await onCrash(message, thrown as Error, { ...this.context(sender), ...decisions }, child);
    } catch (failure) {
      this.log('error', 'nact.onCrash.failed', failure);
      return 'stop';
    }
  }

  /** What a decision of this actor means for itself; its peers and children are told. */
  private async verdict(decision: Decision | undefined, message: unknown, error: unknown): Promise<Verdict> {
    const name = nameOf(this.self.$address);
    switch (decision) {
      case 'resume':
      case 'reset':
      case 'stop':
        return decision;
      case 'stopAll':
        this.tellParent('stopChildren', name);
        return 'stop';
      case 'resetAll':
        this.tellParent('resetChildren', name);
        return 'reset';
      case 'stopAllChildren':
        this.tellChildren('stop', '');
        return 'resume';
      case 'resetAllChildren':
        this.tellChildren('reset', '');
        return 'resume';
      case 'stopChild':
      case 'resetChild':
        this.log('error', 'nact.onCrash.failed', new GodwitError('INVALID_ARGUMENT', `'${decision}' was decided, but no child has failed`));
        return 'stop';
      default:
        return this.escalate({ name, message, error });
    }
  }

  private async escalate(fault: Fault): Promise<Verdict> {
    const { origin } = this.box;
    if (origin === undefined) return 'escalate';
    try {
      return await (origin.parent as GodwitRef<Control>).failed(fault);
    } catch (thrown) {
      this.log('error', 'nact.escalation.failed', thrown);
      return 'stop';
    }
  }

  private tellParent(message: 'stopChildren' | 'resetChildren', except: string): void {
    const { origin } = this.box;
    if (origin !== undefined) dispatch(origin.parent as GodwitRef<Control>, message, except);
  }

  private context(sender: AnyRef | Nobody): ActorContext<M> {
    return createActorContext(this.box, this.ctx, sender);
  }

  private log(level: 'warn' | 'error', event: string, thrown: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    const { code, message } = GodwitError.from(thrown);
    this.ctx.log(level, event, { ...fields, code, reason: message });
  }
}

/** Resolves when what the running segment sent has left: it does so two microtasks after it was sent. */
async function segmentEnd(): Promise<void> {
  for (let hop = 0; hop < 3; hop++) await Promise.resolve();
}
