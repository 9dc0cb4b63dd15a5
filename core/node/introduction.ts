import { checkName } from '../actors/definition.js';
import { decode, encode } from '../codec/index.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { Clock } from '../ports/clock.js';
import type { Pipe } from '../ports/transport.js';
import type { ControlMessage, Peer } from './link.js';
import { outgoingRefs } from './refs.js';

/** Version of records and control messages; two nodes of different versions do not link. */
const protocolVersion = 1;
/** A peer that says nothing for this long is not one of ours. */
const introductionTimeoutMs = 10_000;
/** Two names and two numbers: read before the peer is known, so bounded tightly. */
const introductionBytes = 4096;
const bootUnits = 128;

/**
 * Tells the peer who we are and learns who it is: the first frame each way.
 * @param met takes the pipe over at once: it sets the pipe's callbacks before it returns, so no later frame is missed
 * and throws if it does not want the peer
 * @param failed FAILED_PRECONDITION another protocol version · PERMISSION_DENIED it claims to be this node · UNAVAILABLE the pipe closed, or the
 * peer is shut out · DEADLINE_EXCEEDED silence; the pipe is closed
 */
export function introduce(pipe: Pipe, self: NodeId, clock: Clock, met: (peer: Peer) => void, failed: (error: GodwitError) => void): void {
  const fail = (error: GodwitError) => {
    cancel();
    pipe.onFrame = () => {};
    pipe.onClose = () => {};
    // It may have been told why, and a pipe that closes may lose what was sent before.
    clock.soon(() => pipe.close());
    failed(error);
  };
  const cancel = clock.after(introductionTimeoutMs, () =>
    fail(new GodwitError('DEADLINE_EXCEEDED', `the peer did not introduce itself within ${introductionTimeoutMs} ms`)),
  );
  pipe.onClose = (error) => fail(error ?? new GodwitError('UNAVAILABLE', 'the pipe closed before the peer introduced itself'));
  pipe.onFrame = (frame) => {
    let peer: Peer;
    try {
      peer = readIntroduction(frame, self);
    } catch (thrown) {
      fail(GodwitError.from(thrown));
      return;
    }
    cancel();
    try {
      met(peer);
    } catch (thrown) {
      fail(GodwitError.from(thrown));
    }
  };
  const writer = new FrameWriter();
  writer.control(encode({ type: 'hello', protocol: protocolVersion, node: self.name, boot: self.boot }, outgoingRefs));
  pipe.send(writer.take());
}

function readIntroduction(frame: Uint8Array, self: NodeId): Peer {
  if (frame.length > introductionBytes)
    throw new GodwitError('FAILED_PRECONDITION', `the peer is no Godwit node: its first frame has ${frame.length} bytes, limit ${introductionBytes}`);
  let hello: { type?: unknown; protocol?: unknown; node?: unknown; boot?: unknown } = {};
  const ignore = () => {};
  readFrame(frame, {
    record: ignore,
    ack: ignore,
    open: ignore,
    name: ignore,
    bounceReceived: ignore,
    controlReceived: (body) => (hello = decode(body, outgoingRefs) as typeof hello),
  });
  if (hello.type !== 'hello' || typeof hello.node !== 'string' || typeof hello.boot !== 'string')
    throw new GodwitError('FAILED_PRECONDITION', 'the peer is no Godwit node: its first frame is no introduction');
  if (hello.protocol !== protocolVersion)
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `node ${hello.node} speaks protocol version ${String(hello.protocol)}, this one ${protocolVersion}: update the older`,
    );
  checkName(hello.node, 'node');
  if (hello.boot === '' || hello.boot.length > bootUnits)
    throw new GodwitError('INVALID_ARGUMENT', `the boot of node ${hello.node} must be 1 to ${bootUnits} characters`);
  if (hello.node === self.name)
    throw new GodwitError('PERMISSION_DENIED', `the peer calls itself ${hello.node}, as this node is called: names of nodes must differ`);
  return { node: hello.node, boot: hello.boot };
}

/** The last message on a pipe: why its sender closes it. */
export interface GoodbyeMessage extends ControlMessage {
  readonly type: 'goodbye';
  readonly reason: ErrorValue;
}

/** Tells the peer why the pipe is about to close. It may not come through. */
export function sayGoodbye(pipe: Pipe, error: GodwitError): void {
  const { code, message, retryable } = valueFromError(error);
  const goodbye: GoodbyeMessage = { type: 'goodbye', reason: { code, message, retryable } };
  const writer = new FrameWriter();
  writer.control(encode(goodbye, outgoingRefs));
  pipe.send(writer.take());
}
