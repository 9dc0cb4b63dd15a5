// One edge cluster as a device reaches it: its control services.
import { createClient } from '@connectrpc/connect';
import { type Clock, GodwitError } from '#core';
import { type ClientOptions, calling, createServiceTransport } from '#transports/connect';
import { type AcceptOfferResponse, Health, OffloadManager, RemoteOffload, type RequestOffloadResponse, ServingStatus } from '#transports/connect/control';
import type { Cluster, ClusterRequest } from './cluster.js';

/** Time for one control call; a cluster that takes longer counts as unreachable. */
const callMs = 5000;
/** An acceptance may wait for another device's claim of the same shared name. */
const acceptMs = 30_000;
/** Time for one probe: generous, since a busy edge is better than none. */
const probeMs = 5000;
/** Round trips of which the median counts; the one before them opens the connection. */
const probes = 3;

export class ConnectCluster implements Cluster {
  private readonly manager;
  private readonly remote;
  private readonly health;

  /** @throws {GodwitError} INVALID_ARGUMENT no URL, or a key that no header carries */
  constructor(
    readonly url: string,
    options: ClientOptions,
    private readonly clock: Clock,
  ) {
    const transport = createServiceTransport(url, options);
    this.manager = createClient(OffloadManager, transport);
    this.remote = createClient(RemoteOffload, transport);
    this.health = createClient(Health, transport);
  }

  /** Median round trip to its Offload Manager in milliseconds. @throws {GodwitError} UNAVAILABLE nobody answers or it is not serving · UNAUTHENTICATED wrong key */
  async rttMs(): Promise<number> {
    const times: number[] = [];
    for (let probe = 0; probe <= probes; probe++) {
      const startedAt = this.clock.now();
      const { status } = await calling(this.url, () => this.health.check({ service: OffloadManager.typeName }, { timeoutMs: probeMs }));
      if (status !== ServingStatus.SERVING) throw new GodwitError('UNAVAILABLE', `the Offload Manager of ${this.url} is not serving`);
      if (probe > 0) times.push(this.clock.now() - startedAt);
    }
    return times.sort((a, b) => a - b)[Math.floor(probes / 2)];
  }

  request(request: ClusterRequest): Promise<RequestOffloadResponse> {
    return calling(this.url, () => this.manager.requestOffload(request, { timeoutMs: callMs }));
  }

  accept(token: string, device: string): Promise<AcceptOfferResponse> {
    return calling(this.url, () => this.manager.acceptOffer({ token, device }, { timeoutMs: acceptMs }));
  }

  async cancel(token: string, device: string): Promise<void> {
    await calling(this.url, () => this.manager.cancelOffer({ token, device }, { timeoutMs: callMs }));
  }

  /** Withdraws an assignment whose move failed. */
  async release(token: string): Promise<void> {
    await calling(this.url, () => this.remote.release({ token }, { timeoutMs: callMs }));
  }
}
