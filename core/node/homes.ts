import {
  type Base,
  createHome,
  createRegister,
  defaultLeaseMs,
  defaultTimings,
  type HomeEffect,
  type HomeEvent,
  type HomeState,
  type MigrationMessage,
  type MoveId,
  type NodeId,
  stepHome,
} from '../migration/index.js';
import type { Manifest } from '../ports/module-source.js';
import type { Instance } from '../ports/runtime.js';
import type { Bases } from './bases.js';
import { beginIncarnation, parseCapture, restoreCell } from './capture.js';
import type { Cell } from './cell.js';
import { homeOf } from './directory.js';
import { Machine } from './machine.js';
import { at, failure, type MigrationHost } from './migration-host.js';

/** More asks than an actor sends under one owner; up to 2^21 epochs stay exact. */
const numbersPerEpoch = 2 ** 32;

type HomeMachine = Machine<HomeState, HomeEvent, HomeEffect>;

interface Home {
  readonly machine: HomeMachine;
  /** The manifest under which the actor left, for a home that has no native code to restore it with. */
  manifest: Manifest | undefined;
  /** A cell being restored by a takeover, not yet running. */
  recovering: Cell | undefined;
  lostNode: string;
}

/** The registers of actors whose home is this node, made when an actor first leaves. */
export class Homes {
  private readonly homes = new Map<string, Home>();

  constructor(
    private readonly host: MigrationHost,
    private readonly bases: Bases,
    private readonly send: (to: string, message: MigrationMessage) => void,
    private readonly own: (cell: Cell, move: MoveId, leaseUntilMs: number) => void,
  ) {}

  /** The machine for an actor's register, or undefined if this node is not its home. */
  get(address: string): HomeMachine | undefined {
    return this.homes.get(address)?.machine;
  }

  /** An actor of this home is about to leave. */
  begin(cell: Cell, manifest: Manifest): void {
    const { id, options } = this.host;
    if (homeOf(cell.address) !== id.name) return;
    const known = this.homes.get(cell.address);
    if (known !== undefined) {
      known.manifest = manifest;
      return;
    }
    const machine: HomeMachine = new Machine(
      createHome(cell.address, id, createRegister(id, defaultLeaseMs), defaultTimings),
      stepHome,
      (effect) => this.carry(home, cell.address, effect),
      (timer) => at(this.host, { type: 'timer', timer }) as HomeEvent,
      options.clock,
    );
    const home: Home = { machine, manifest, recovering: undefined, lostNode: '' };
    this.homes.set(cell.address, home);
  }

  /** The actor exists no more. */
  forget(address: string): void {
    const home = this.homes.get(address);
    home?.machine.close();
    this.homes.delete(address);
    this.bases.forget(address);
  }

  nodeSeen(node: NodeId): void {
    for (const { machine } of this.homes.values()) machine.feed(at(this.host, { type: 'nodeSeen', node } as const));
  }

  close(): void {
    for (const { machine } of this.homes.values()) machine.close();
  }

  private carry(home: Home, address: string, effect: Exclude<HomeEffect, { type: 'startTimer' | 'stopTimer' }>): void {
    switch (effect.type) {
      case 'send':
        this.send(effect.to, effect.message);
        return;
      case 'persist':
        // The register lives as long as this node: a home without storage offers no durable mode (DESIGN §8).
        if (effect.register.base !== undefined) this.bases.prune(address, effect.register.base.turns);
        return;
      case 'restore':
        this.recover(home, address, effect.base, effect.from).then(
          () => home.machine.feed(at(this.host, { type: 'restored' } as const)),
          (thrown: unknown) => home.machine.feed(failure(this.host, thrown)),
        );
        return;
      case 'runHere':
        this.runHere(home, effect.epoch, effect.move, effect.incarnation);
        return;
      case 'report':
        this.report(home, address, effect.report);
    }
  }

  private async recover(home: Home, address: string, base: Base, from: string): Promise<void> {
    const { host } = this;
    const bytes = this.bases.get(base.hash) ?? (await host.options.transfer.obtain(from, base.hash));
    const capture = parseCapture(bytes);
    const cell = host.createCell(address, capture.protocol);
    cell.manifest = home.manifest;
    restoreCell(cell, capture, host.now(), true);
    // Asks of the forgotten turns may still be answered: their numbers are not used again.
    const instance = { ...capture.instance, nextAsk: Math.max(capture.instance.nextAsk, home.machine.state.register.epoch * numbersPerEpoch) };
    const tier = home.manifest === undefined || host.knowsNatively(capture.protocol.definition) ? 'native' : home.manifest.tier;
    cell.instance = await host.createInstance(cell, tier, home.manifest, instance);
    cell.lastCapture = instance;
    home.recovering = cell;
  }

  private runHere(home: Home, epoch: number, move: MoveId, incarnation: number): void {
    const cell = home.recovering;
    if (cell === undefined) return;
    home.recovering = undefined;
    cell.epoch = epoch;
    const life = Math.max(incarnation, cell.incarnation + 1);
    beginIncarnation(cell, life);
    this.host.enter(cell);
    this.own(cell, move, Number.POSITIVE_INFINITY);
    cell.run(cell.instance as Instance);
    this.host.emit({ type: 'restored', actor: cell.address, lostNode: home.lostNode, epoch, incarnation: life, turns: cell.turns });
  }

  private report(home: Home, address: string, report: Extract<HomeEffect, { type: 'report' }>['report']): void {
    if (report.type === 'tookOver') home.lostNode = report.from.name;
    const fields = report.type === 'tookOver' ? { from: report.from.name, epoch: report.epoch } : { reason: report.reason.message };
    this.host.options.logger.log(report.type === 'tookOver' ? 'warn' : 'error', `home.${report.type}`, { node: this.host.id.name, actor: address, ...fields });
  }
}
