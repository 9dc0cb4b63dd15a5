import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { Health as HealthService, HealthCheckResponse_ServingStatus as Status } from './gen/grpc/health/v1/health_pb.js';

/** Which services of a server work; the empty name stands for the whole server. @public */
export interface Health {
  set(service: string, serving: boolean): void;
  /** Undefined for a service it was never told of. */
  isServing(service: string): boolean | undefined;
  /** Calls `changed` after every change until `signal` aborts. */
  watch(changed: () => void, signal: AbortSignal): void;
}

/** A health that says the whole server works, until told otherwise. @public */
export function createHealth(): Health {
  const states = new Map<string, boolean>([['', true]]);
  const watchers = new Set<() => void>();
  return {
    set(service, serving) {
      if (states.get(service) === serving) return;
      states.set(service, serving);
      for (const changed of [...watchers]) changed();
    },
    isServing: (service) => states.get(service),
    watch(changed, signal) {
      watchers.add(changed);
      signal.addEventListener('abort', () => watchers.delete(changed), { once: true });
    },
  };
}

/** Serves grpc.health.v1.Health. */
export function serveHealth(router: ConnectRouter, health: Health): void {
  const statusOf = (service: string): Status => {
    const serving = health.isServing(service);
    if (serving === undefined) return Status.SERVICE_UNKNOWN;
    return serving ? Status.SERVING : Status.NOT_SERVING;
  };
  router.service(HealthService, {
    check({ service }) {
      const status = statusOf(service);
      if (status === Status.SERVICE_UNKNOWN) throw new ConnectError(`no service ${service} is known to this server`, Code.NotFound);
      return { status };
    },
    async *watch({ service }, { signal }) {
      let wake: () => void = () => {};
      let told: Status | undefined;
      health.watch(() => wake(), signal);
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => (wake = resolve));
        const status = statusOf(service);
        if (status !== told) yield { status };
        told = status;
        if (!signal.aborted) await changed;
      }
    },
  });
}
