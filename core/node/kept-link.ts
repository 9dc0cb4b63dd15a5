import { type Code, GodwitError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { Pipe, Transport } from '../ports/transport.js';
import { introduce } from './introduction.js';
import type { Peer } from './link.js';
import type { KeptLink } from './types.js';

/** First pause before dialling again; doubles up to the longest. A drop of a radio link is often over at once. */
const firstPauseMs = 50;
const longestPauseMs = 5000;
/** Up to this part of a pause more, at random, so that many devices do not dial in step. */
const jitter = 1 / 2;
/**
 * A link that lived longer begins at the first pause again. Two nodes of one name throw each other out when they dial, so none of them ever has
 * such a link: they slow down instead of dialling without end.
 */
const settledMs = longestPauseMs * (1 + jitter);
const maxByte = 255;

/** Failures that dialling again cannot mend. */
const hopeless: ReadonlySet<Code> = new Set<Code>(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'FAILED_PRECONDITION', 'INVALID_ARGUMENT']);

interface KeptLinkOptions {
  readonly transport: Transport;
  readonly address: string;
  readonly id: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  attach(pipe: Pipe, peer: Peer, onDown: () => void): void;
}

/** Dials until linked, and again whenever the link drops. Gives up only where trying again cannot help: a wrong key, another protocol. */
export function keepLink(options: KeptLinkOptions, signal?: AbortSignal): KeptLink {
  let closed = false;
  let pauseMs = firstPauseMs;
  let cancelPause: Cancel = () => {};
  let pipe: Pipe | undefined;
  let settle: { resolve: (peer: string) => void; reject: (error: GodwitError) => void } | undefined;
  const linked = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Nobody need wait for the first link; without this a wrong key would be an unhandled rejection.
  linked.catch(() => undefined);

  const again = () => {
    if (closed) return;
    const more = (options.random.bytes(1)[0] / maxByte) * jitter;
    cancelPause = options.clock.after(pauseMs * (1 + more), dial);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  };
  const failed = (thrown: unknown): void => {
    const error = GodwitError.from(thrown, 'UNAVAILABLE');
    if (hopeless.has(error.code) || signal?.aborted === true) {
      options.logger.log('error', 'link.given-up', { address: options.address, code: error.code, reason: error.message });
      settle?.reject(error);
      return;
    }
    options.logger.log('debug', 'link.not-yet', { address: options.address, code: error.code, reason: error.message });
    again();
  };
  const met = (peer: Peer): void => {
    if (closed) {
      pipe?.close();
      return;
    }
    const metAt = options.clock.now();
    options.attach(pipe as Pipe, peer, () => {
      if (options.clock.now() - metAt > settledMs) pauseMs = firstPauseMs;
      again();
    });
    settle?.resolve(peer.node);
  };
  const dial = () => {
    options.transport
      .dial(options.address, signal)
      .then((opened) => {
        pipe = opened;
        introduce(opened, options.id, options.clock, met, failed);
      })
      .catch(failed);
  };
  dial();
  return {
    linked,
    close() {
      if (closed) return;
      closed = true;
      cancelPause();
      pipe?.close();
      settle?.reject(new GodwitError('CANCELLED', `the link to ${options.address} was closed`));
    },
  };
}
