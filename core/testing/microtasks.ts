// How a world knows that everything a node does at one moment has been done: all of core goes on in microtasks.

interface Platform {
  readonly process?: { readonly nextTick?: (task: () => void) => void };
  readonly setImmediate?: (task: () => void) => void;
  readonly MessageChannel?: new () => { readonly port1: { onmessage: () => void }; readonly port2: { postMessage(value: unknown): void } };
  readonly setTimeout: (task: () => void) => void;
  readonly Bun?: unknown;
  readonly Deno?: unknown;
}

const platform = globalThis as unknown as Platform;

/** Runs `task` when the microtasks of this moment, and those they lead to, have run, and the platform had its chance: a macrotask. */
export const afterMacrotask: (task: () => void) => void = macrotask();

/**
 * Runs `task` when the microtasks of this moment, and those they lead to, have run. Node runs what a microtask gives to `nextTick` when
 * the microtasks are through (`processTicksAndRejections`), which costs a tenth of a turn of its event loop; elsewhere it is a macrotask.
 */
export const afterMicrotasks: (task: () => void) => void = nextTick() ?? afterMacrotask;

function nextTick(): ((task: () => void) => void) | undefined {
  const tick = platform.process?.nextTick;
  // Those two imitate it, with an order of their own.
  if (tick === undefined || platform.Bun !== undefined || platform.Deno !== undefined) return undefined;
  // A promise's reaction is a microtask without the bookkeeping that Node adds to `queueMicrotask`.
  const done = Promise.resolve();
  return (task) => void done.then(() => tick(task));
}

function macrotask(): (task: () => void) => void {
  const { setImmediate, setTimeout, MessageChannel } = platform;
  if (setImmediate !== undefined) return (task) => setImmediate(task);
  if (MessageChannel === undefined) return (task) => setTimeout(task);
  // Browsers hold back a timer that follows a timer, but no message.
  return (task) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.onmessage = () => {};
      task();
    };
    port2.postMessage(undefined);
  };
}
