// What an actor of nact's kind keeps between two turns: plain data, so that it can move.
import type { AnyRef, Holder } from '#core';
import type { Origin } from './reference.js';
import type { Script } from './script.js';

/** The declared state of an actor of nact's kind. */
export interface Box<S> {
  /** The state that its function reduces. */
  value: S;
  /** False until the first state was made. */
  begun: boolean;
  /** True from the last turn on. */
  stopped: boolean;
  /** Decided outside a turn of its own, to be carried out before the next message. */
  doom: 'stop' | 'reset' | undefined;
  /** Messages handled: an idle timer of an earlier one is out of date. */
  turns: number;
  /** Living children by name, each with its life. */
  readonly children: Map<string, number>;
  /** Children spawned so far, and queries made. */
  lastLife: number;
  lastQuery: number;
  origin: Origin | undefined;
  /** Set if the function was spawned as it is. */
  readonly bare?: BareFunction;
}

/** A function that no module exports: it cannot be shipped, and since no codec carries it, neither can the state that holds it. */
export class BareFunction {
  // A script of whatever state and messages: the box it is in has its types.
  constructor(readonly script: Script<never, never>) {}
}

/** @param bare the function, if it was spawned as it is */
export function createBox<S, M>(script: Script<S, M>, bare?: BareFunction): Box<S> {
  return {
    value: script.props.initialState as S,
    begun: false,
    stopped: false,
    doom: undefined,
    turns: 0,
    children: new Map(),
    lastLife: 0,
    lastQuery: 0,
    origin: undefined,
    ...(bare === undefined ? {} : { bare }),
  };
}

/** An actor as `spawn` and `stop` meet it when called with its own `ctx.self`. */
export interface Living {
  readonly box: Box<unknown>;
  readonly movable: boolean;
}

const living = new WeakMap<Holder, Living>();

/** Called as a turn begins: after a reset the actor has another box, which belongs where the former did. */
export function enter<S>(holder: Holder, box: Box<S>, movable: boolean): void {
  const before = living.get(holder);
  if (before?.box === box) return;
  box.origin ??= before?.box.origin;
  living.set(holder, { box, movable });
}

/** A number for a query that the holder has not used: of its own, so that a turn that is run again uses it again. */
export function nextQuery(holder: Holder): number {
  const counting = living.get(holder)?.box ?? applications;
  counting.lastQuery += 1;
  return counting.lastQuery;
}

/** The queries of all applications. */
const applications = { lastQuery: 0 };

/** The actor that `ref` stands for, if it is the one that sends through it: its `ctx.self`. */
export function selfOf(ref: AnyRef, holder: Holder): Living | undefined {
  return holder.address === ref.$address ? living.get(holder) : undefined;
}
