import { type LinuxFiles, unreadable } from './linux-files.js';
import type { MetricSource } from './metric.js';

interface CoreTimes {
  readonly busy: number;
  readonly total: number;
}

/**
 * CPU utilisation and memory from the kernel. The first reading of the CPU is its average since boot.
 * @see https://www.kernel.org/doc/html/latest/filesystems/proc.html
 */
export function createProcessorSource(files: LinuxFiles): MetricSource {
  let before: CoreTimes = { busy: 0, total: 0 };
  const cpu = async () => {
    try {
      const now = parseCoreTimes(await files.text('proc/stat'));
      const total = now.total - before.total;
      const share = total > 0 ? (now.busy - before.busy) / total : 0;
      before = now;
      return Math.min(1, Math.max(0, share));
    } catch (thrown) {
      return unreadable('proc/stat', thrown);
    }
  };
  const memory = async () => {
    try {
      const text = await files.text('proc/meminfo');
      const total = kilobytes(text, 'MemTotal');
      const available = kilobytes(text, 'MemAvailable');
      if (total === undefined || available === undefined) return { unavailable: '/proc/meminfo has no MemTotal and MemAvailable' };
      return 1 - available / total;
    } catch (thrown) {
      return unreadable('proc/meminfo', thrown);
    }
  };
  return { metrics: ['cpu', 'memory'], read: () => Promise.all([cpu(), memory()]) };
}

/** First line: `cpu user nice system idle iowait irq softirq steal …`, in ticks. */
function parseCoreTimes(stat: string): CoreTimes {
  const ticks = (stat.split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, n) => sum + n, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

function kilobytes(meminfo: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo);
  return match === null ? undefined : Number(match[1]);
}
