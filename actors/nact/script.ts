import type { Nobody, Ref } from './reference.js';

/** What an actor's function knows beside its state and the message. @public */
export interface ActorContext<M = unknown> {
  /** Nobody if Godwit's own `spawn` made the actor. */
  readonly parent: Ref<unknown> | Nobody;
  readonly path: ActorPath;
  readonly self: Ref<M>;
  readonly name: string;
  readonly children: ReadonlyMap<string, Ref<unknown>>;
  /** Who was named as the sender when the message was dispatched; for a query, where the answer goes. */
  readonly sender: Ref<unknown> | Nobody;
  readonly log: Logger;
}

/** Where an actor is in its system. @public */
export interface ActorPath {
  /** Names from the system down. */
  readonly parts: readonly string[];
  /** Name of the system, which is that of its node. */
  readonly system: string;
  toString(): string;
}

/** nact's logger: lines of the node's log, with the actor's address. @public */
export interface Logger {
  trace(message: string): void;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  critical(message: string): void;
  event(name: string, properties: unknown): void;
  exception(exception: Error): void;
  metric(name: string, values: unknown): void;
}

/** nact's decisions on a failed turn: what {@link SupervisionContext} offers under the same names. @public */
export type Decision = 'stop' | 'stopAll' | 'stopChild' | 'stopAllChildren' | 'escalate' | 'resume' | 'reset' | 'resetAll' | 'resetChild' | 'resetAllChildren';

/** What `onCrash` is given: the context with a name for each decision. @public */
export type SupervisionContext<M = unknown> = ActorContext<M> & { readonly [D in Decision]: D };

export const decisions: { readonly [D in Decision]: D } = {
  stop: 'stop',
  stopAll: 'stopAll',
  stopChild: 'stopChild',
  stopAllChildren: 'stopAllChildren',
  escalate: 'escalate',
  resume: 'resume',
  reset: 'reset',
  resetAll: 'resetAll',
  resetChild: 'resetChild',
  resetAllChildren: 'resetAllChildren',
};

/** A reducer: gets the state and a message, gives the next state. May be async: the next message waits. @public */
export type ActorFunction<S, M> = (this: ActorContext<M>, state: S, message: M, ctx: ActorContext<M>) => S | Promise<S>;

/** An actor without state. @public */
export type StatelessFunction<M> = (this: ActorContext<M>, message: M, ctx: ActorContext<M>) => unknown;

/** Options of an actor without state. @public */
export interface StatelessOptions {
  /** Milliseconds without a message after which the actor stops; default: never. */
  readonly shutdownAfter?: number;
}

/** Options of an actor, as nact has them. @public */
export interface ActorProps<S, M> extends StatelessOptions {
  /** The first state; default undefined. */
  readonly initialState?: S;
  /** Makes the first state, in the actor's first turn and after each reset; wins over `initialState`. */
  readonly initialStateFunc?: (ctx: ActorContext<M>) => S;
  /**
   * Decides after a throw; the mailbox waits for it. Default: log and stop. What is none of nact's decisions escalates; a throw stops the actor.
   * @param message undefined if making the first state failed @param error what was thrown @param child set if the failure was escalated by that child
   */
  readonly onCrash?: (
    message: M | undefined,
    error: Error,
    ctx: SupervisionContext<M>,
    child: Ref<unknown> | undefined,
  ) => Decision | undefined | Promise<Decision | undefined>;
  /** Called once the children have stopped, with the last state, in the actor's last turn. */
  readonly afterStop?: (state: S, ctx: ActorContext<M>) => unknown;
}

/** An actor's function with its options. */
export interface Script<S, M> {
  readonly fn: ActorFunction<S, M>;
  readonly props: ActorProps<S, M>;
  /** True if another node may have to start its children: they must be definitions that can be shipped. */
  readonly movable: boolean;
}
