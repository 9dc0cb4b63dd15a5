// Outlives the driver by a moment: when the driver ends, however it ends, it kills what the driver had started. A process that is
// stopped (SIGSTOP) would not notice by itself that its driver is gone.
import { createInterface } from 'node:readline';

const pids = new Set<number>();
const lines = createInterface({ input: process.stdin });
// '+4711' for a process that was started, '-4711' for one that ended.
lines.on('line', (line) => {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) pids.add(pid);
  else pids.delete(pid);
});
lines.on('close', () => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended in the same moment.
    }
  }
});
// What is meant for the driver's whole group (Ctrl-C) must not end the guardian before it did its work.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
