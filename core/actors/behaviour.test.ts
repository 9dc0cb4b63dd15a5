import test from 'ava';
import { GodwitError } from '../errors.js';
import type { InstanceHost, Turn, TurnEnd } from '../ports/runtime.js';
import { Behaviour } from './behaviour.js';
import { type AnyDefinition, actor } from './definition.js';
import type { Ref, RefCore } from './ref.js';

/** A host that writes down what an instance does to the world; `until` resolves once it has done `what`. */
function recordingHost() {
  const did: string[] = [];
  const ends: TurnEnd[] = [];
  let waiting: Array<{ what: string; resolve: () => void }> = [];
  const note = (what: string) => {
    did.push(what);
    for (const one of waiting.filter((candidate) => candidate.what === what)) one.resolve();
    waiting = waiting.filter((candidate) => candidate.what !== what);
  };
  const host: InstanceHost = {
    send: (kind, _to, message) => note(`${kind} ${message}`),
    cancel: () => note('cancel'),
    more: () => note('more'),
    reply: () => note('reply'),
    fail: (_ask, error) => note(`fail ${error.code}`),
    item: () => note('item'),
    end: () => note('end'),
    after: () => note('after'),
    cancelTimer: () => note('cancelTimer'),
    child: () => note('child'),
    call: () => note('call'),
    where: () => undefined,
    progress: () => note('progress'),
    log: (level, event) => note(`${level} ${event}`),
    flush: () => {},
    discard: () => {},
    turnEnded: (end) => {
      ends.push(end);
      note('turnEnded');
    },
    failed: () => note('failed'),
  };
  const until = (what: string) => (did.includes(what) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ what, resolve })));
  return { host, did, ends, until };
}

const Peer = actor('peer', {
  state: () => ({}),
  on: { get: () => 1, *items(): Generator<number> {} },
});

function begun(definition: AnyDefinition | undefined, host: InstanceHost): Behaviour {
  const behaviour = new Behaviour('home/a', definition, host);
  behaviour.begin(undefined);
  return behaviour;
}

const peerOf = (behaviour: Behaviour): RefCore => behaviour.ref({ $address: 'home/peer', $protocol: (Peer as AnyDefinition).protocol });

const turn = (kind: Turn['kind'], message: string, ask = 0): Turn => ({
  kind,
  message,
  payload: { value: undefined, bytes: undefined },
  ask,
  sender: undefined,
  remainingMs: Number.POSITIVE_INFINITY,
});

test('behaviour: retiring rejects asks, streams and host calls that wait', async (t) => {
  const { host } = recordingHost();
  const application = begun(undefined, host);
  const peer = peerOf(application);
  const waiting = [
    application.ask(peer, 'get', undefined, undefined),
    application.stream(peer, 'items', undefined, undefined).next(),
    application.callHost('disk', 'read', []),
  ];

  application.retire();

  for (const one of waiting) t.like(await t.throwsAsync(one, { instanceOf: GodwitError }), { code: 'CANCELLED' });
});

test('behaviour: a turn that was running when its instance retired reaches the world no more', async (t) => {
  const { host, did } = recordingHost();
  let tried: unknown;
  let over = () => {};
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const Asker = actor('asker', {
    state: () => ({}),
    on: {
      async go(_state, _payload: undefined, ctx) {
        const peer = peerOf(behaviour);
        await behaviour.ask(peer, 'get', undefined, undefined).catch(() => {});
        try {
          ctx.send(peer as unknown as Ref<{ get: () => number }>, 'get');
        } catch (thrown) {
          tried = thrown;
        }
        over();
        return 'late';
      },
    },
  });
  const behaviour: Behaviour = begun(Asker, host);
  behaviour.turn(turn('ask', 'go', 1));

  behaviour.retire();
  await ended;
  await new Promise<void>((resolve) => setTimeout(resolve, 0));

  t.like(tried, { code: 'CANCELLED' });
  t.deepEqual(did, ['ask get']);
});

for (const [what, supervise] of [
  ['a decision', { decide: () => raise() }],
  ['the first state of a reset', { decide: () => 'reset' as const }],
] as const) {
  for (const message of ['boom', 'boomLater'] as const) {
    test(`behaviour: ${what} that throws after '${message}' stops the actor, answers the asker and wedges nothing`, async (t) => {
      const { host, did, ends, until } = recordingHost();
      let lives = 0;
      const Failing = actor('failing', {
        state: () => (lives++ === 0 ? {} : raise()),
        supervise,
        on: {
          boom: () => raise(),
          async boomLater() {
            await Promise.resolve();
            raise();
          },
        },
      });
      const behaviour = begun(Failing, host);

      behaviour.turn(turn('ask', message, 1));
      await until('turnEnded');
      behaviour.turn(turn('ask', message, 2));

      // The second turn finds the actor stopped; supervision is asked again, and throws again.
      const supervision = 'error supervision.failed';
      t.deepEqual(did, [supervision, 'fail UNKNOWN', 'turnEnded', supervision, 'fail NOT_FOUND', 'turnEnded']);
      t.like(ends[0], { decision: 'stop' });
    });
  }
}

test("behaviour: a plain generator whose 'finally' throws ends with its stream, and hurts nobody", async (t) => {
  const { host, until } = recordingHost();
  const Source = actor('source', {
    state: () => ({}),
    on: {
      *items(): Generator<number> {
        try {
          for (let index = 0; ; index++) yield index;
        } finally {
          raise();
        }
      },
    },
  });
  const behaviour = begun(Source, host);
  behaviour.turn(turn('stream', 'items', 1));
  await until('item');

  t.notThrows(() => behaviour.abort(1));
  t.notThrows(() => behaviour.retire());
});

test('behaviour: a stream that ended listens to its signal no more', async (t) => {
  for (const finish of ['end', 'settle', 'return'] as const) {
    const { host } = recordingHost();
    const application = begun(undefined, host);
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const reader = application.stream(peerOf(application), 'items', undefined, { signal });
    t.is(listeners, 1);

    if (finish === 'end') application.end(1);
    else if (finish === 'settle') application.settle(1, { error: { code: 'ABORTED', message: 'moved', retryable: true } });
    else await reader.return?.();

    t.is(listeners, 0, finish);
  }
});

function raise(): never {
  throw new Error('broken');
}
