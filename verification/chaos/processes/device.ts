// The device in a process of its own, forked by the driver: spawns the couriers, and sends to them as an application does.
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { GodwitError, spawn } from '#core';
import { type Device, startDevice } from '#device-node';
import { createLineLogger } from '#runtimes/platform';
import { bundler } from '#toolchain';
import { calling, createServiceTransport } from '#transports/connect';
import { Health } from '#transports/connect/control';
import { Application } from '../application.js';
import { type CourierRef, type CourierReport, couriers } from '../courier.js';
import { watchLateness } from '../lateness.js';
import { type Answers, type DeviceOrder, type DeviceSetup, machineMs } from '../orders.js';
import { obey, tell } from './obey.js';

/** How often the driver hears of the progress. */
const progressMs = 200;
/** Longer than an edge that was healed takes to answer. */
const hearMs = 5000;
/** Longer than anything that is healed takes. */
const settleMs = 60_000;

class TormentedDevice {
  private readonly couriers: ReadonlyMap<string, CourierRef>;
  private readonly application: Application;

  private constructor(
    readonly device: Device,
    private readonly setup: DeviceSetup,
  ) {
    device.node.observe((event) => tell({ type: 'event', atMs: machineMs(), event }));
    this.couriers = new Map(setup.couriers.map((name) => [name, spawn(device, couriers[setup.durability], name)]));
    for (const [name, ref] of this.couriers) {
      const peers = [...this.couriers].filter(([other]) => other !== name).map(([other, peer]) => ({ name: other, ref: peer as never }));
      // It may be away on an edge since the last life; then it knows already.
      ref.begin({ name, peers, tickMs: setup.tickMs }, { timeoutMs: settleMs }).catch((thrown: unknown) => {
        process.stderr.write(`begin of ${name}: ${GodwitError.from(thrown).message}\n`);
      });
    }
    this.application = new Application(setup.application, this.couriers, setup.tickMs);
  }

  static async start(setup: DeviceSetup): Promise<TormentedDevice> {
    const { name, key, edges, dataDir } = setup;
    const logger = createLineLogger({ format: 'json', level: 'warn', fields: { process: name } });
    return new TormentedDevice(await startDevice({ name, key, edges, modules: bundler(), logger, definitions: Object.values(couriers), dataDir }), setup);
  }

  /** Tells how far the application is, and how late this process runs its timers, from now on. */
  tellProgress(): void {
    setInterval(() => tell({ type: 'progress', sendings: this.application.sendings(), reads: this.application.reads() }), progressMs);
    watchLateness((lateness) => tell({ type: 'lateness', ...lateness }));
  }

  async offload(courier: string, edge: string, acceptAfterMs: number): Promise<Answers['offload']> {
    const { offload } = this.device;
    const [offer] = await offload.request(this.ref(courier), { needs: { hostFunctions: [`only-${edge}`] }, trigger: 'chaos' });
    if (offer === undefined) throw new GodwitError('RESOURCE_EXHAUSTED', `no offer of ${edge} for ${courier}`);
    await pause(acceptAfterMs);
    tell({ type: 'moving', courier, edge });
    const { move } = await offload.accept(offer);
    return { place: move?.to.place ?? '' };
  }

  async move(courier: string, edge: string, token: string): Promise<Answers['move']> {
    tell({ type: 'moving', courier, edge });
    const { to } = await this.device.node.move(this.ref(courier).$address, { to: edge, token, trigger: 'chaos' });
    return { place: to.place };
  }

  async recall(courier: string): Promise<Answers['recall']> {
    tell({ type: 'moving', courier, edge: this.whereabouts(courier).node });
    const { to } = await this.device.node.recall(this.ref(courier).$address);
    return { place: to.place };
  }

  whereabouts(courier: string): Answers['whereabouts'] {
    const address = this.ref(courier).$address;
    return { node: this.device.node.actors().find((info) => info.address === address)?.node ?? '' };
  }

  async hear(url: string): Promise<true> {
    const health = createClient(Health, createServiceTransport(url, { key: this.setup.key }));
    await calling(url, () => health.check({}, { timeoutMs: hearMs }));
    return true;
  }

  /** Lets everybody send no more, and waits by asking until everything is handled. */
  async settle(): Promise<Answers['settle']> {
    const sendings = await this.application.end();
    for (const ref of this.couriers.values()) await ref.end(undefined, { timeoutMs: settleMs });
    for (const ref of this.couriers.values()) await ref.settle(undefined, { timeoutMs: settleMs });
    const reports: CourierReport[] = [];
    for (const ref of this.couriers.values()) reports.push(await ref.report(undefined, { timeoutMs: settleMs }));
    return { reports, sendings, reads: this.application.reads() };
  }

  private ref(courier: string): CourierRef {
    const ref = this.couriers.get(courier);
    if (ref === undefined) throw new GodwitError('NOT_FOUND', `there is no courier ${courier}`);
    return ref;
  }
}

let running: TormentedDevice | undefined;

async function start(setup: DeviceSetup): Promise<Answers['start']> {
  running = await TormentedDevice.start(setup);
  running.tellProgress();
  return { port: 0 };
}

obey(async (order: DeviceOrder): Promise<Answers[DeviceOrder['type']]> => {
  if (order.type === 'start') return start(order.setup);
  if (running === undefined) throw new GodwitError('FAILED_PRECONDITION', 'the device was not started');
  switch (order.type) {
    case 'offload':
      return running.offload(order.courier, order.edge, order.acceptAfterMs);
    case 'move':
      return running.move(order.courier, order.edge, order.token);
    case 'recall':
      return running.recall(order.courier);
    case 'whereabouts':
      return running.whereabouts(order.courier);
    case 'hear':
      return running.hear(order.url);
    case 'list':
      return running.device.node.actors();
    case 'settle':
      return running.settle();
  }
});
