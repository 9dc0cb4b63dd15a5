import type { MetricSource } from './metric.js';

/** Round trip of the best link of a node. @param peers the linked nodes now */
export function createLinkSource(peers: () => ReadonlyArray<{ readonly rttMs: number }>): MetricSource {
  return {
    metrics: ['linkRtt'],
    async read() {
      const known = peers()
        .map((peer) => peer.rttMs)
        .filter((ms) => Number.isFinite(ms));
      return [known.length === 0 ? { unavailable: 'no link to another node has been measured' } : Math.min(...known)];
    },
  };
}
