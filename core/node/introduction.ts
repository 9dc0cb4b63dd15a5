import { decode, encode } from '../codec/index.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { GodwitError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { Clock } from '../ports/clock.js';
import type { Pipe } from '../ports/transport.js';
import type { Peer } from './link.js';
import { outgoingRefs } from './refs.js';

/** Version of records and control messages; two nodes of different versions do not link. */
export const protocolVersion = 1;
/** A peer that says nothing for this long is not one of ours. */
const introductionTimeoutMs = 10_000;

/**
 * Tells the peer who we are and learns who it is: the first frame each way.
 * @throws {GodwitError} FAILED_PRECONDITION another protocol version · UNAVAILABLE the pipe closed · DEADLINE_EXCEEDED silence
 */
export function introduce(pipe: Pipe, self: NodeId, clock: Clock): Promise<Peer> {
  return new Promise((resolve, reject) => {
    const fail = (error: GodwitError) => {
      cancel();
      pipe.onFrame = () => {};
      pipe.onClose = () => {};
      pipe.close();
      reject(error);
    };
    const cancel = clock.after(introductionTimeoutMs, () => fail(new GodwitError('DEADLINE_EXCEEDED', `the peer did not introduce itself within ${introductionTimeoutMs} ms`)));
    const early: Uint8Array[] = [];
    pipe.onClose = (error) => fail(error ?? new GodwitError('UNAVAILABLE', 'the pipe closed before the peer introduced itself'));
    pipe.onFrame = (frame) => {
      try {
        const peer = readIntroduction(frame);
        cancel();
        // Frames that follow at once wait until the link has taken the pipe over.
        pipe.onFrame = (next) => early.push(next);
        pipe.onClose = () => {};
        resolve(peer);
        queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => early.splice(0).forEach((next) => pipe.onFrame(next)))));
      } catch (thrown) {
        fail(GodwitError.from(thrown));
      }
    };
    const writer = new FrameWriter();
    writer.control(encode({ type: 'hello', protocol: protocolVersion, node: self.name, boot: self.boot }, outgoingRefs));
    pipe.send(writer.take());
  });
}

function readIntroduction(frame: Uint8Array): Peer {
  let hello: { type?: unknown; protocol?: unknown; node?: unknown; boot?: unknown } = {};
  const ignore = () => {};
  readFrame(frame, { record: ignore, ack: ignore, open: ignore, name: ignore, bounceReceived: ignore, controlReceived: (body) => (hello = decode(body, outgoingRefs) as typeof hello) });
  if (hello.type !== 'hello' || typeof hello.node !== 'string' || typeof hello.boot !== 'string') throw new GodwitError('FAILED_PRECONDITION', 'the peer is no Godwit node: its first frame is no introduction');
  if (hello.protocol !== protocolVersion) throw new GodwitError('FAILED_PRECONDITION', `node ${hello.node} speaks protocol version ${String(hello.protocol)}, this one ${protocolVersion}: update the older`);
  return { node: hello.node, boot: hello.boot };
}
