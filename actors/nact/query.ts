import { type AnyRef, createRef, dispatch, GodwitError, type Ref as GodwitRef, type Holder, holderOf, stop } from '#core';
import { AnswerActor } from './answer.js';
import { nextQuery } from './box.js';
import { type Control, homeOf, isAtHome, isNactKind, type Ref } from './reference.js';
import { type Opener, supervisorName, supervisorProtocol } from './system.js';

type Answers = typeof AnswerActor.on;

/**
 * Asks an actor as nact does: the message names a reference, and the first that is dispatched to it, by whatever actor, is the answer.
 * @param message makes the message, given that reference; one that needs none is sent as it is, and the reference is `ctx.sender` in any case
 * @param timeoutMs milliseconds, > 0
 * @returns rejects with a GodwitError: DEADLINE_EXCEEDED no answer in time · NOT_FOUND the actor is gone · what it threw, if it failed before it answered
 * @throws {GodwitError} INVALID_ARGUMENT no time-out, or the actor is not of nact's kind
 * @public
 */
export function query<M, R>(actor: Ref<M>, message: M | ((answer: Ref<R>) => M), timeoutMs: number): Promise<R> {
  if (!(timeoutMs > 0)) throw new GodwitError('INVALID_ARGUMENT', `a query needs a time-out above 0 ms, not ${String(timeoutMs)}`);
  const to: AnyRef = actor;
  if (!isNactKind(to)) throw new GodwitError('INVALID_ARGUMENT', `actor ${to.$address} is not of nact's kind: ask it by a method of its ref instead of query`);
  const make = (answer: GodwitRef<Answers>) => (typeof message === 'function' ? (message as (answer: Ref<R>) => M)(answer) : message);
  const holder = holderOf(actor);
  // What is spawned away from home is not known there, while an answer may come from anywhere.
  if (isAtHome(holder))
    return ask(to, make, holder.child(AnswerActor, `nact.query-${nextQuery(holder)}`) as unknown as GodwitRef<Answers>, timeoutMs) as Promise<R>;
  return openAtHome(holder, timeoutMs).then((answer) => ask(to, make, answer, timeoutMs)) as Promise<R>;
}

/** Sends before it awaits, so that queries and dispatches of one sender keep their order. */
async function ask(actor: GodwitRef<Control>, make: (answer: GodwitRef<Answers>) => unknown, answer: GodwitRef<Answers>, timeoutMs: number): Promise<unknown> {
  try {
    const answers = answer.answer(undefined, { timeoutMs });
    const handled = actor.from({ message: make(answer), sender: answer }, { timeoutMs });
    // Behind whatever the actor has answered before it failed.
    handled.catch((thrown: unknown) => dispatch(answer, 'fail', GodwitError.from(thrown)));
    return (await answers.next()).value;
  } finally {
    stop(answer);
  }
}

/** @throws {GodwitError} NOT_FOUND no system was started at the actor's home */
async function openAtHome(holder: Holder, timeoutMs: number): Promise<GodwitRef<Answers>> {
  const supervisor = createRef<Opener>(`${homeOf(holder.address)}/${supervisorName}`, supervisorProtocol, holder);
  return (await supervisor.open(undefined, { timeoutMs })) as GodwitRef<Answers>;
}
