import { proxy, type Remote, transfer, wrap } from 'comlink';
import { type Blobs, type Clock, GodwitError, type Hash } from '#core';
import { attachLink, type PortSender, requestControl } from '#transports/web';
import type { Cluster, ClusterOffer, ClusterRefusal, ClusterRequest } from '../cluster.js';
import type { Capabilities, PageControl, WorkerControl } from './control.js';

/** Time in which a worker answers, in milliseconds: as long as it takes to load its script. */
const answerMs = 5000;

/** The workers of a page as one cluster, whose hosts always have room. */
export class WorkerCluster implements Cluster {
  readonly url = 'workers';
  private readonly controls: ReadonlyMap<string, Remote<WorkerControl>>;

  /** @param page the page's node @param blobs its blobs @param workers by the names of their nodes */
  constructor(
    private readonly page: string,
    private readonly blobs: Blobs,
    private readonly workers: ReadonlyMap<string, PortSender>,
    private readonly clock: Clock,
  ) {
    const pageControl: PageControl = {
      connect: (worker) => {
        const port = attachLink(this.worker(worker), worker) as unknown as MessagePort;
        return transfer(port, [port]);
      },
      blobOf: (node, hash) => this.blobOf(node, hash),
    };
    this.controls = new Map([...workers].map(([name, worker]) => [name, wrap<WorkerControl>(requestControl(worker, name) as unknown as MessagePort)]));
    // A worker that never hears of it never answers either, and is told of then.
    for (const control of this.controls.values()) control.meet(proxy(pageControl)).catch(() => undefined);
  }

  /** A blob that a node offered. @throws {GodwitError} NOT_FOUND */
  async blobOf(node: string, hash: Hash): Promise<Uint8Array> {
    if (node === this.page) return this.blobs.get(hash);
    const control = this.controls.get(node);
    if (control === undefined) throw new GodwitError('NOT_FOUND', `page ${this.page} has no worker ${node} to get blob ${hash} from`);
    return control.blob(hash);
  }

  /** To the first worker that answers. */
  async rttMs(): Promise<number> {
    const startedAt = this.clock.now();
    try {
      await Promise.any([...this.workers.keys()].map((worker) => this.capabilities(worker)));
    } catch (thrown) {
      throw new GodwitError('UNAVAILABLE', (thrown as AggregateError).errors.map((error: unknown) => GodwitError.from(error).message).join('; '));
    }
    return this.clock.now() - startedAt;
  }

  async request(request: ClusterRequest): Promise<{ readonly offers: ClusterOffer[]; readonly refusals: ClusterRefusal[] }> {
    const offers: ClusterOffer[] = [];
    const refusals: ClusterRefusal[] = [];
    const asking = [...this.workers.keys()].map(async (worker) => {
      try {
        const has = await this.capabilities(worker);
        const reason = unfit(worker, has, request);
        if (reason === undefined) offers.push(offerOf(worker, has));
        else refusals.push({ host: worker, code: 'FAILED_PRECONDITION', reason });
      } catch (thrown) {
        const { code, message } = GodwitError.from(thrown);
        refusals.push({ host: worker, code, reason: message });
      }
    });
    await Promise.all(asking);
    return { offers, refusals };
  }

  async accept(worker: string): Promise<{ readonly assignment: ReturnType<typeof place> }> {
    return { assignment: place(worker) };
  }

  async cancel(): Promise<void> {}

  async release(): Promise<void> {}

  private worker(name: string): PortSender {
    const worker = this.workers.get(name);
    if (worker === undefined) throw new GodwitError('NOT_FOUND', `page ${this.page} has no worker ${name}`);
    return worker;
  }

  private async capabilities(worker: string): Promise<Capabilities> {
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      const error = new GodwitError('UNAVAILABLE', `worker ${worker} did not answer within ${answerMs} ms: does its script load, and call startWorker()?`);
      cancel = this.clock.after(answerMs, () => reject(error));
    });
    try {
      return await Promise.race([(this.controls.get(worker) as Remote<WorkerControl>).capabilities(), late]);
    } finally {
      cancel();
    }
  }
}

function unfit(worker: string, has: Capabilities, { definition, needs }: ClusterRequest): string | undefined {
  const missing = needs.hostFunctions.filter((name) => !has.hostFunctions.includes(name));
  if (!has.definitions.includes(definition)) return `worker ${worker} has no definition ${definition}: give it to its startWorker()`;
  if (missing.length > 0) return `worker ${worker} lacks the host functions ${missing.join(', ')}`;
  if (needs.models.length > 0) return `worker ${worker} has no models`;
  if (needs.tier !== '' && needs.tier !== 'native') return `worker ${worker} runs the native tier, not ${needs.tier}`;
  return undefined;
}

function offerOf(worker: string, { hostFunctions }: Capabilities): ClusterOffer {
  return {
    ...place(worker),
    tiers: [{ tier: 'native', operationsPerSecond: 0, benchmark: 'not measured: it is the same machine' }],
    hostFunctions,
    models: [],
    // A browser does not tell.
    freeMemoryBytes: 0n,
    freeInstances: 1,
    expiresInMs: Number.POSITIVE_INFINITY,
    price: 0,
  };
}

/** A worker is its own address, and asks for no token. */
function place(worker: string): Pick<ClusterOffer, 'token' | 'host' | 'url'> {
  return { token: worker, host: worker, url: worker };
}
