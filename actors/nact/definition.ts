import { type ActorOptions, actor, type Context, type Definition, GodwitError } from '#core';
import { BareFunction, type Box, createBox } from './box.js';
import { type Accepts, type Control, nobody } from './reference.js';
import type { ActorFunction, ActorProps, Script, StatelessFunction, StatelessOptions } from './script.js';
import { ActorTurn, verdictOn } from './turn.js';

/** How the definition is shipped and kept, as for `actor`. @public */
export interface ShippingOptions<S>
  extends Pick<ActorOptions<S, Record<never, never>>, 'version' | 'source' | 'needs' | 'limits' | 'durability' | 'checkpointTurns'> {
  /** Makes this version's state of an earlier one's, as for `actor`: it is given what the function had returned. */
  readonly upgrade?: (state: unknown, version: number) => S;
}

/** What an actor of nact's kind keeps between two turns; its shape is no contract. @public */
export type ActorState<S> = Box<S>;

/** A definition made of a function written for nact. @public */
export type FunctionDefinition<S, M> = Definition<ActorState<S>, Accepts<M>>;

/**
 * Makes a definition of a function written for nact: a kind of actor like any other, which Godwit spawns, offloads and recalls. To be shipped it must be
 * exported by the file named in `source`, and so must the definitions of its children; the state must be what the codec carries.
 * @param name of the definition, as for `actor`
 * @throws {GodwitError} INVALID_ARGUMENT bad name, version or `shutdownAfter`
 * @public
 */
export function stateful<S, M>(name: string, fn: ActorFunction<S, M>, options: ActorProps<S, M> & ShippingOptions<S> = {}): FunctionDefinition<S, M> {
  const { version, source, needs, limits, durability, checkpointTurns, upgrade, ...props } = options;
  const script: Script<S, M> = { fn, props: checked(props), movable: source !== undefined };
  return actor(name, {
    ...given({ version, source, needs, limits, durability, checkpointTurns }),
    ...(upgrade === undefined ? {} : { upgrade: (box: unknown, from: number) => ({ ...(box as Box<S>), value: upgrade((box as Box<unknown>).value, from) }) }),
    state: () => createBox(script),
    supervise: { decide: verdictOn },
    on: handlersOf(() => script),
  }) as unknown as FunctionDefinition<S, M>;
}

/** {@link stateful} for a function without state. A throw loses its message and nothing else: as in nact, other decisions cannot be made. @public */
export function stateless<M>(
  name: string,
  fn: StatelessFunction<M>,
  options: StatelessOptions & ShippingOptions<unknown> = {},
): FunctionDefinition<unknown, M> {
  return stateful<unknown, M>(name, reducerOf(fn), { ...options, onCrash: () => 'resume' });
}

/** A stateless function as a reducer. */
export function reducerOf<M>(fn: StatelessFunction<M>): ActorFunction<unknown, M> {
  return (_state, message, ctx) => fn.call(ctx, message, ctx);
}

/** What all functions spawned as they are share: the node keeps one definition, however many closures come and go. */
const Bare = actor('nact.function', {
  state: (): Box<never> => {
    throw new GodwitError('FAILED_PRECONDITION', 'an actor made of a bare function begins only where that function is');
  },
  needs: { pinned: true },
  supervise: { decide: verdictOn },
  on: handlersOf((box: Box<never>) => (box.bare as BareFunction).script),
});

/** A definition of a function that is spawned as it is: it runs on the node that spawns it, and stays there. */
export function bareDefinition<S, M>(fn: ActorFunction<S, M>, props: ActorProps<S, M>): FunctionDefinition<S, M> {
  const script: Script<S, M> = { fn, props: checked(props), movable: false };
  const bare = new BareFunction(script as unknown as Script<never, never>);
  return Object.freeze({ ...Bare, state: () => createBox(script, bare) }) as unknown as FunctionDefinition<S, M>;
}

type Payload<K extends keyof Control> = Parameters<Control[K]>[1];

/** The handlers behind {@link Control}. */
function handlersOf<S, M>(scriptOf: (box: Box<S>) => Script<S, M>) {
  const turn = (box: Box<S>, ctx: Context) => new ActorTurn(box, scriptOf(box), ctx);
  return {
    message: (box: Box<S>, message: M, ctx: Context) => turn(box, ctx).handle(message, nobody),
    from: (box: Box<S>, { message, sender }: Payload<'from'>, ctx: Context) => turn(box, ctx).handle(message as M, sender),
    begin: (box: Box<S>, origin: Payload<'begin'>, ctx: Context) => turn(box, ctx).begin(origin),
    stop: (box: Box<S>, _nothing: undefined, ctx: Context) => turn(box, ctx).stop(),
    idle: (box: Box<S>, turns: number, ctx: Context) => turn(box, ctx).idle(turns),
    reset: (box: Box<S>, _nothing: undefined, ctx: Context) => turn(box, ctx).reset(),
    failed: (box: Box<S>, fault: Payload<'failed'>, ctx: Context) => turn(box, ctx).failed(fault),
    ended: (box: Box<S>, child: Payload<'ended'>, ctx: Context) => turn(box, ctx).ended(child),
    stopChildren: (box: Box<S>, except: string, ctx: Context) => turn(box, ctx).tellChildren('stop', except),
    resetChildren: (box: Box<S>, except: string, ctx: Context) => turn(box, ctx).tellChildren('reset', except),
  };
}

function checked<S, M>(props: ActorProps<S, M>): ActorProps<S, M> {
  const { shutdownAfter } = props;
  if (shutdownAfter !== undefined && !(shutdownAfter >= 0))
    throw new GodwitError('INVALID_ARGUMENT', `shutdownAfter must be a number of milliseconds, not ${String(shutdownAfter)}`);
  return props;
}

/** Without the options that are undefined. */
function given<O extends object>(options: O): { [K in keyof O]?: Exclude<O[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof O]?: Exclude<O[K], undefined> };
}
