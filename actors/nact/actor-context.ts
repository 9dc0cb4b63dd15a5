import { type AnyRef, type Context, type Ref as GodwitRef, holderOf, type LogLevel } from '#core';
import type { Box } from './box.js';
import { type Control, controlRef, isAtHome, type Nobody, nameOf, nobody, type Ref } from './reference.js';
import type { ActorContext, ActorPath, Logger } from './script.js';

/** What the function is given beside state and message: plain properties, since nact's programs spread it. */
export function createActorContext<S, M>(box: Box<S>, ctx: Context, sender: AnyRef | Nobody): ActorContext<M> {
  const { $address: address } = ctx.self;
  return {
    parent: (box.origin?.parent as Ref<unknown> | undefined) ?? nobody,
    path: pathOf(address),
    self: ctx.self as Ref<M>,
    name: nameOf(address),
    children: new Map(childrenOf(box, ctx).map((child) => [nameOf(child.$address), child])),
    sender: sender as Ref<unknown> | Nobody,
    log: loggerOf(ctx),
  };
}

/** The living children, in the order of their spawning. */
export function childrenOf<S>(box: Box<S>, ctx: Context): GodwitRef<Control>[] {
  const { $address: address } = ctx.self;
  const holder = holderOf(ctx.self);
  const children = [...box.children.keys()].map((name) => controlRef(`${address}/${name}`, holder));
  // At home the node knows of those that ended without a word: stopped by Godwit itself, say.
  return isAtHome(holder) ? children.filter((child) => holder.where(child.$address) !== undefined) : children;
}

function pathOf(address: string): ActorPath {
  const [system = '', ...parts] = address.split('/');
  return { parts, system, toString: () => `${system}://${parts.join('/')}` };
}

function loggerOf(ctx: Context): Logger {
  const at = (level: LogLevel) => (message: string) => ctx.log(level, 'nact.log', { message });
  return {
    trace: at('debug'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    critical: at('error'),
    event: (name, properties) => ctx.log('info', 'nact.event', { name, properties }),
    exception: (exception) => ctx.log('error', 'nact.exception', { message: exception.message, stack: exception.stack }),
    metric: (name, values) => ctx.log('info', 'nact.metric', { name, values }),
  };
}
