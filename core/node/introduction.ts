import { decode, encode } from '../codec/index.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { GodwitError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { Clock } from '../ports/clock.js';
import type { Pipe } from '../ports/transport.js';
import type { Peer } from './link.js';
import { outgoingRefs } from './refs.js';

/** Version of records and control messages; two nodes of different versions do not link. */
const protocolVersion = 1;
/** A peer that says nothing for this long is not one of ours. */
const introductionTimeoutMs = 10_000;

/**
 * Tells the peer who we are and learns who it is: the first frame each way.
 * @param met takes the pipe over at once: it sets the pipe's callbacks before it returns, so no later frame is missed
 * @param failed FAILED_PRECONDITION another protocol version · UNAVAILABLE the pipe closed · DEADLINE_EXCEEDED silence; the pipe is closed
 */
export function introduce(pipe: Pipe, self: NodeId, clock: Clock, met: (peer: Peer) => void, failed: (error: GodwitError) => void): void {
  const fail = (error: GodwitError) => {
    cancel();
    pipe.onFrame = () => {};
    pipe.onClose = () => {};
    pipe.close();
    failed(error);
  };
  const cancel = clock.after(introductionTimeoutMs, () =>
    fail(new GodwitError('DEADLINE_EXCEEDED', `the peer did not introduce itself within ${introductionTimeoutMs} ms`)),
  );
  pipe.onClose = (error) => fail(error ?? new GodwitError('UNAVAILABLE', 'the pipe closed before the peer introduced itself'));
  pipe.onFrame = (frame) => {
    let peer: Peer;
    try {
      peer = readIntroduction(frame);
    } catch (thrown) {
      fail(GodwitError.from(thrown));
      return;
    }
    cancel();
    met(peer);
  };
  const writer = new FrameWriter();
  writer.control(encode({ type: 'hello', protocol: protocolVersion, node: self.name, boot: self.boot }, outgoingRefs));
  pipe.send(writer.take());
}

function readIntroduction(frame: Uint8Array): Peer {
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
  return { node: hello.node, boot: hello.boot };
}
