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
    // Up to half the pause more, at random, so that many devices do not dial in step.
    const jitter = options.random.bytes(1)[0] / 255 / 2;
    cancelPause = options.clock.after(pauseMs * (1 + jitter), dial);
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
    pauseMs = firstPauseMs;
    options.attach(pipe as Pipe, peer, again);
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
