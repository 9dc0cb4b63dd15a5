/** The wish to end: by SIGINT or SIGTERM. */
export interface Stop {
  /** Aborted at the first of the signals. */
  readonly signal: AbortSignal;
  /** Resolves with its name. */
  readonly asked: Promise<NodeJS.Signals>;
}

const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
/** As shells count an end by a signal. */
const exitBySignal = 128;

/** Listens for SIGINT and SIGTERM. The first asks to end in order; a second one ends the process at once, with exit code 128 and its number. */
export function listenForStop(): Stop {
  const controller = new AbortController();
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (controller.signal.aborted) process.exit(exitBySignal + numbers[name]);
        controller.abort();
        resolve(name);
      });
    }
  });
  return { signal: controller.signal, asked };
}
