import { type AnyRef, type AskOptions, createRef, type Ref as GodwitRef, type Holder, type Protocol, type Target } from '#core';

/** The handlers of an actor of nact's kind, as its refs show them: one message, whose ask resolves when it was handled. @public */
export type Accepts<M> = { readonly message: (state: unknown, message: M) => void };

/** A handle on an actor that takes messages of type `M`: a ref of Godwit, named as nact names it. @public */
export interface Ref<M> extends AnyRef {
  /** Resolves when the message was handled; rejects if the actor failed on it, or is gone. */
  readonly message: (message: M, options?: AskOptions) => Promise<void>;
}

/** The reference of no actor: what is dispatched to it is dropped. @public */
export interface Nobody {
  readonly type: 'nobody';
}

/** Makes a {@link Nobody}: plain, so that it travels. @public */
export const Nobody = function createNobody(): Nobody {
  return { type: 'nobody' };
} as unknown as new () => Nobody;

export const nobody = new Nobody();

export function isNobody(value: unknown): value is Nobody {
  return typeof value === 'object' && value !== null && (value as Partial<Nobody>).type === 'nobody';
}

/** What becomes of an actor that failed; 'escalate': its parent is no actor of nact's kind, so Godwit's supervision goes on with it. */
export type Verdict = 'resume' | 'reset' | 'stop' | 'escalate';

/** A failure on its way to the parent, who decides. */
export interface Fault {
  /** Of the child. */
  readonly name: string;
  readonly message: unknown;
  readonly error: unknown;
}

/** Who spawned an actor, and as which of its children: a name used again is another life. */
export interface Origin {
  readonly parent: AnyRef;
  readonly life: number;
}

/** Every message that actors of nact's kind understand: what programs send, and what keeps the tree of actors together. */
export type Control = {
  message(state: never, message: unknown): void;
  /** A message with its sender. */
  from(state: never, envelope: { readonly message: unknown; readonly sender: AnyRef }): void;
  begin(state: never, origin: Origin | undefined): void;
  stop(state: never): void;
  /** The actor had nothing to do since its turn of that number. */
  idle(state: never, turns: number): void;
  reset(state: never): void;
  failed(state: never, fault: Fault): Verdict;
  /** A child stopped. */
  ended(state: never, child: { readonly name: string; readonly life: number }): void;
  stopChildren(state: never, except: string): void;
  resetChildren(state: never, except: string): void;
};

const protocol: Protocol = {
  definition: 'nact',
  version: 1,
  messages: {
    message: 'reply',
    from: 'reply',
    begin: 'reply',
    stop: 'reply',
    idle: 'reply',
    reset: 'reply',
    failed: 'reply',
    ended: 'reply',
    stopChildren: 'reply',
    resetChildren: 'reply',
  },
};

/** A ref to the actor of nact's kind at `address`, through which `holder` sends. */
export function controlRef(address: string, holder: Holder): GodwitRef<Control> {
  return createRef<Control>(address, protocol, holder);
}

/** True if what is behind the ref is of nact's kind. */
export function isNactKind(ref: AnyRef): ref is GodwitRef<Control> {
  return (ref as unknown as Target).$protocol.messages.from === 'reply';
}

/** Last part of an address. */
export function nameOf(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1);
}

/** The node that an address begins with: the home of its actor. */
export function homeOf(address: string): string {
  const end = address.indexOf('/');
  return end === -1 ? address : address.slice(0, end);
}

/** True for an application, and for an actor that is where it was spawned: there the node knows every actor spawned by it. */
export function isAtHome(holder: Holder): boolean {
  const home = homeOf(holder.address);
  return holder.address === home || holder.where(holder.address)?.node === home;
}
