// What nact and godwit/nact do alike: one list, run against both, so that the claim can fail. What differs is in differences.test.ts.
import type { ExecutionContext } from 'ava';
import type { ActorContext, dispatch, Nobody, query, Ref, SupervisionContext, System, spawn, spawnStateless, stop } from './index.js';

/** Either of the two: both have this form. */
export interface Subject {
  readonly spawn: typeof spawn;
  readonly spawnStateless: typeof spawnStateless;
  readonly dispatch: typeof dispatch;
  readonly query: typeof query;
  readonly stop: typeof stop;
  readonly Nobody: typeof Nobody;
}

/** A row of the list, run in a system of its own. */
export interface Row {
  readonly title: string;
  run(t: ExecutionContext, subject: Subject, system: System): Promise<void>;
}

/** Milliseconds within which something surely happens. */
export const patienceMs = 20_000;

/** A promise with its ends outside. */
export function signal<T = void>(): { readonly seen: Promise<T>; readonly show: (value: T) => void } {
  let show: (value: T) => void = () => {};
  const seen = new Promise<T>((resolve) => {
    show = resolve;
  });
  return { seen, show };
}

/** Asks an actor that answers its sender. */
export const asked = <M>(subject: Subject, ref: Ref<M>, message: M): Promise<unknown> => subject.query<M, unknown>(ref, message, patienceMs);

type Script = { readonly set?: number; readonly fail?: string; readonly get?: true };

/** A counter that can be told to fail. */
export function fragile({ dispatch }: Subject) {
  return (state: number | undefined, message: Script, ctx: ActorContext<Script>): number | undefined => {
    if (message.fail !== undefined) throw new Error(message.fail);
    if (message.get === true) dispatch(ctx.sender, state);
    return message.set ?? state;
  };
}

type Order = { readonly to?: string; readonly script?: Script; readonly stop?: string; readonly children?: true };

/** A parent with the fragile children 'one' and 'two', to which it passes orders. */
export function family(subject: Subject, system: System, more: { decide?: (ctx: SupervisionContext<Order>) => symbol | string; child: string }) {
  const { dispatch, spawn, stop } = subject;
  const stopped: string[] = [];
  let waiting: Array<{ readonly what: string; readonly show: () => void }> = [];
  const note = (what: string) => {
    stopped.push(what);
    for (const one of waiting.filter((each) => each.what === what)) one.show();
    waiting = waiting.filter((each) => each.what !== what);
  };
  const until = (what: string) => {
    const { seen, show } = signal();
    if (stopped.includes(what)) show();
    else waiting.push({ what, show });
    return seen;
  };
  const failures: Array<{ readonly message: unknown; readonly error: string; readonly child: string }> = [];
  const parent = spawn(
    system,
    (state: number, order: Order, ctx: ActorContext<Order>): number => {
      if (order.children === true) dispatch(ctx.sender, [...ctx.children.keys()]);
      if (order.stop !== undefined) stop(ctx.children.get(order.stop) as Ref<unknown>);
      if (order.to !== undefined && order.script !== undefined) dispatch(ctx.children.get(order.to) as Ref<unknown>, order.script, ctx.sender as Ref<unknown>);
      return state + 1;
    },
    'parent',
    {
      initialStateFunc(ctx) {
        for (const name of ['one', 'two']) {
          spawn(ctx.self, fragile(subject), name, {
            initialState: 0,
            onCrash: (_message, _error, crash) => (crash as unknown as Record<string, 'escalate'>)[more.child],
            afterStop: () => note(name),
          });
        }
        return 0;
      },
      onCrash: (message, error, ctx, child) => {
        failures.push({
          message,
          error: error.message,
          child: (child as unknown as { readonly name?: string; readonly $address?: string } | undefined)?.name ?? child?.$address.split('/').at(-1) ?? '',
        });
        return more.decide?.(ctx) as 'stop';
      },
      afterStop: () => note('parent'),
    },
  );
  const get = (name: string) => asked(subject, parent, { to: name, script: { get: true } });
  const children = () => asked(subject, parent, { children: true });
  const tell = (to: string, script: Script) => dispatch(parent, { to, script });
  return { parent, stopped, until, failures, get, children, tell };
}
