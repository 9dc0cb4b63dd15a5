import { type LinuxFiles, unreadable } from './linux-files.js';
import type { MetricSource } from './metric.js';

interface Bytes {
  readonly sent: number;
  readonly received: number;
  readonly atMs: number;
}

/** Rates of all network interfaces but loopback. The first reading has nothing to compare with. */
export function createNetworkSource(files: LinuxFiles): MetricSource {
  let before: Bytes | undefined;
  return {
    metrics: ['networkSent', 'networkReceived'],
    async read(nowMs) {
      let now: Bytes;
      try {
        now = { ...sumBytes(await files.text('proc/net/dev')), atMs: nowMs };
      } catch (thrown) {
        const reason = unreadable('proc/net/dev', thrown);
        return [reason, reason];
      }
      const from = before;
      before = now;
      if (from === undefined || nowMs <= from.atMs) return [{ unavailable: 'a rate needs two readings' }, { unavailable: 'a rate needs two readings' }];
      const seconds = (nowMs - from.atMs) / 1000;
      return [Math.max(0, now.sent - from.sent) / seconds, Math.max(0, now.received - from.received) / seconds];
    },
  };
}

/** Two header lines, then `name: received-bytes (7 more) sent-bytes …`. */
function sumBytes(dev: string): { sent: number; received: number } {
  let sent = 0;
  let received = 0;
  for (const line of dev.split('\n').slice(2)) {
    const [name = '', counters = ''] = line.split(':');
    if (name.trim() === 'lo') continue;
    const fields = counters.trim().split(/\s+/).map(Number);
    received += fields[0] ?? 0;
    sent += fields[8] ?? 0;
  }
  return { sent, received };
}
