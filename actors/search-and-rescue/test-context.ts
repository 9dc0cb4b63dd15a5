/** A context for handlers that are called without a node: host functions are called for real, what is sent is kept. @internal */
import type { Context, HostFunction } from '#core';

export interface TestContext extends Context {
  readonly sent: { readonly to: unknown; readonly message: string; readonly payload: unknown }[];
  readonly resumed: unknown[];
  /** Ends the turn's signal, as an asker that gives up does. */
  abort(): void;
}

export function createTestContext(...hostFunctions: readonly HostFunction[]): TestContext {
  const controller = new AbortController();
  const sent: { to: unknown; message: string; payload: unknown }[] = [];
  const resumed: unknown[] = [];
  const context = {
    self: { $address: 'test/actor', $where: undefined },
    sender: undefined,
    signal: controller.signal,
    remainingMs: Number.POSITIVE_INFINITY,
    sent,
    resumed,
    abort: () => controller.abort(),
    send: (to: unknown, message: string, payload?: unknown) => void sent.push({ to, message, payload }),
    resume: (payload: unknown) => void resumed.push(payload),
    log: () => undefined,
    progress: () => undefined,
    call: async (name: string, method: string, ...args: unknown[]) => {
      const hostFunction = hostFunctions.find((candidate) => candidate.name === name);
      if (hostFunction === undefined) throw new Error(`the test has no host function ${name}`);
      return hostFunction.call(method, args);
    },
  };
  return context as unknown as TestContext;
}
