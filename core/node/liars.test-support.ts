// A peer that speaks whole frames of its own making to a real node, and hears what the node says to it.
import type { ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import { spawn } from '../actors/spawn.js';
import { decode, encode } from '../codec/index.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { outgoingRefs } from './refs.js';
import { makeNode } from './regressions.test-support.js';
import type { NodeOptions } from './types.js';
import { createPipes, linkNodes, nextEvent, sharedBlobs } from './wiring.test-support.js';

/** An actor that tells how often it was spoken to. */
export const Echo = actor('echo', {
  state: () => ({ heard: 0 }),
  on: {
    say(state, word: unknown) {
      state.heard += 1;
      return word;
    },
    heard: (state) => state.heard,
  },
});

export type Line = { readonly level: string; readonly event: string; readonly fields: Readonly<Record<string, unknown>> };
type Said = { readonly type: string; readonly [field: string]: unknown };

/** A clock that a test may stop and put forward; timers keep real time. */
function createClock() {
  let skippedMs = 0;
  let stoppedAtMs: number | undefined;
  return {
    now: () => (stoppedAtMs ?? performance.now()) + skippedMs,
    after(delayMs: number, task: () => void) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    soon: (task: () => void) => void setTimeout(task, 0),
    stop() {
      stoppedAtMs ??= performance.now();
    },
    skip(ms: number) {
      skippedMs += ms;
    },
  };
}

/** A node with an actor, an honest peer that speaks with it, and what the node logs of peers that are not. */
export async function createVictim(t: ExecutionContext, more: Partial<NodeOptions> = {}) {
  const shared = sharedBlobs();
  const clock = createClock();
  const lines: Line[] = [];
  const logger = {
    log: (level: string, event: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (event === 'link.failed' || event === 'link.offence') lines.push({ level, event, fields });
    },
  };
  const node = makeNode(t, 'node', shared, { definitions: [Echo], clock, logger, ...more });
  const friend = makeNode(t, 'friend', shared, { definitions: [Echo] });
  const up = nextEvent(friend, 'link-up');
  linkNodes(node, friend);
  await up;
  const own = spawn(node, Echo, 'e');
  const ref = friend.refTo(Echo, 'node/e');
  await ref.say('ready');
  let honest = 1;
  /** The actor has handled what honest peers said, in order, and nothing else. */
  const assertUntouched = async () => {
    t.is(await ref.say(`word ${honest}`), `word ${honest}`);
    honest += 1;
    t.is(await own.heard(), honest);
  };
  return { node, friend, clock, lines, shared, own, ref, assertUntouched };
}

/** Links a peer of this name to the node. */
export async function createLiar(node: ReturnType<typeof makeNode>, name = 'liar', boot = 'b') {
  const [theirs, ours] = createPipes();
  const said: Said[] = [];
  const bounced: Said[] = [];
  const stable: number[] = [];
  const asked: number[] = [];
  const waiting: Array<() => void> = [];
  const ignore = () => {};
  let pings = 0;
  ours.onFrame = (frame) =>
    readFrame(frame, {
      record: (_kind, _name, _stream, _number, correlation) => void asked.push(correlation),
      ack: (_stream, upTo) => void stable.push(upTo),
      open: ignore,
      name: ignore,
      bounceReceived: (_stream, body) => void bounced.push(decode(body, outgoingRefs) as Said),
      controlReceived(body) {
        const message = decode(body, outgoingRefs) as Said;
        said.push(message);
        if (message.type === 'pong') waiting.shift()?.();
      },
    });
  const closed = new Promise<void>((resolve) => {
    ours.onClose = () => resolve();
  });
  const writer = new FrameWriter();
  const send = (write: (writer: FrameWriter) => void) => {
    write(writer);
    ours.send(writer.take());
  };
  const control = (message: unknown) => send((frame) => frame.control(encode(message, outgoingRefs)));
  node.accept(theirs);
  control({ type: 'hello', protocol: 1, node: name, boot });
  /** Resolves when the node has read everything sent so far, or has closed the link. @returns true if it is open */
  const isHeard = async () => {
    const ponged = new Promise<boolean>((resolve) => waiting.push(() => resolve(true)));
    control({ type: 'ping', at: pings++ });
    return Promise.race([ponged, closed.then(() => false)]);
  };
  const liar = {
    pipe: ours,
    closed,
    said,
    bounced,
    stable,
    asked,
    isHeard,
    control,
    send,
    /** A message of a move in this peer's name. */
    migration: (message: object) => control({ type: 'migration', message: { move: 'm', actor: 'node/e', epoch: 1, from: { name, boot }, ...message } }),
    open: (stream: number, body: object = {}) => send((frame) => frame.open(stream, encode(opening(name, body), outgoingRefs))),
    tell: (stream: number, number: number, payload?: Uint8Array) => send((frame) => frame.record(0, 1, stream, number, 0, Number.POSITIVE_INFINITY, payload)),
    /** Why the node closed the link, as it told this peer. */
    reason: () =>
      (said.find(({ type }) => type === 'goodbye')?.reason as { readonly code: string; readonly message: string } | undefined) ?? { code: '', message: '' },
  };
  await isHeard();
  return liar;
}

export type Liar = Awaited<ReturnType<typeof createLiar>>;

/** What opens a stream to the actor, from the peer's application unless `body` says otherwise. */
export function opening(name: string, body: object = {}): object {
  const protocol = { definition: 'application', version: 1, messages: {} };
  const { from = name, ...rest } = body as { from?: string };
  return { from: { $address: from, $protocol: protocol }, life: 'b', incarnation: 1, epoch: 1, to: 'node/e', first: 1, ...rest };
}

/** The name that `tell` sends by. */
export const named = (writer: FrameWriter, name = 'heard'): void => writer.name(1, encode(name, outgoingRefs));
