import {
  createOwner,
  defaultTimings,
  type MigrationMessage,
  type MoveId,
  type NodeId,
  type OwnerEffect,
  type OwnerEvent,
  type OwnerState,
  stepOwner,
} from '../migration/index.js';
import type { Cell } from './cell.js';
import { Machine } from './machine.js';
import { at, type MigrationHost } from './migration-host.js';

type OwnerMachine = Machine<OwnerState, OwnerEvent, OwnerEffect>;

/** The actors this node owns that are away from home, or whose home they left once: their leases. */
export class Owners {
  private readonly machines = new Map<string, OwnerMachine>();
  /** Cells whose lease ended; each is held and frozen once. */
  private readonly paused = new Set<Cell>();

  constructor(
    private readonly host: MigrationHost,
    private readonly send: (to: string, message: MigrationMessage) => void,
  ) {}

  get(address: string): OwnerMachine | undefined {
    return this.machines.get(address);
  }

  /** Begins an ownership. At its home an actor needs no lease. */
  own(cell: Cell, move: MoveId, leaseUntilMs: number): void {
    const { id, options, directory } = this.host;
    const home = directory.homeOf(cell.address);
    const until = home === id.name ? Number.POSITIVE_INFINITY : leaseUntilMs;
    const { state, effects } = createOwner(
      { actor: cell.address, move, self: id, home, epoch: cell.epoch, timings: defaultTimings },
      until,
      options.clock.now(),
    );
    // It writes its lease a last time.
    this.end(cell);
    cell.leaseUntilMs = until;
    const machine: OwnerMachine = new Machine(
      state,
      (before, event) => {
        const step = stepOwner(before, event);
        if (step.state.leaseUntilMs !== cell.leaseUntilMs) {
          cell.leaseUntilMs = step.state.leaseUntilMs;
          cell.wake();
        }
        return step;
      },
      (effect) => this.carry(cell, effect),
      (timer) => at(this.host, { type: 'timer', timer }) as OwnerEvent,
      options.clock,
    );
    this.machines.set(cell.address, machine);
    machine.begin(effects);
  }

  /** A move has proposed, or the actor is gone: this ownership is over. */
  end(cell: Cell): void {
    const machine = this.machines.get(cell.address);
    machine?.feed(at(this.host, { type: 'handedOver' } as const));
    machine?.close();
    this.machines.delete(cell.address);
    if (this.paused.delete(cell)) this.unpause(cell);
  }

  /** A later copy takes its place on this very node. */
  replaced(cell: Cell, epoch: number): void {
    this.machines.get(cell.address)?.close();
    this.machines.delete(cell.address);
    this.paused.delete(cell);
    this.host.routes.handBack(cell);
    this.host.leave(cell, this.host.id, epoch);
    this.host.emit({ type: 'stopped', actor: cell.address, reason: `fenced: ${this.host.id.name} owns it again at epoch ${epoch}` });
  }

  /** The home knows nothing of the actor: nobody will ever lease it again. */
  disowned(address: string, home: NodeId): void {
    const cell = this.host.cell(address);
    if (cell === undefined || !this.machines.has(address)) return;
    const { epoch } = cell;
    this.end(cell);
    this.host.leave(cell, home, epoch);
    this.host.forget(address);
    this.host.emit({ type: 'stopped', actor: address, reason: `disowned: its home ${home.name} does not know it any more` });
  }

  peerRegained(peer: string): void {
    for (const machine of [...this.machines.values()]) machine.feed(at(this.host, { type: 'peerRegained', peer } as const));
  }

  close(): void {
    for (const machine of this.machines.values()) machine.close();
  }

  private carry(cell: Cell, effect: Exclude<OwnerEffect, { type: 'startTimer' | 'stopTimer' }>): void {
    switch (effect.type) {
      case 'send':
        this.send(effect.to, effect.message);
        return;
      case 'pause':
        this.paused.add(cell);
        cell.hold();
        cell.freeze();
        return;
      case 'resume':
        if (this.paused.delete(cell)) this.unpause(cell);
        return;
      case 'destroy':
        this.machines.delete(cell.address);
        this.paused.delete(cell);
        this.host.routes.handBack(cell);
        this.host.leave(cell, effect.register.owner, effect.register.epoch);
        this.host.emit({ type: 'stopped', actor: cell.address, reason: `fenced: ${effect.register.owner.name} owns it at epoch ${effect.register.epoch}` });
    }
  }

  private unpause(cell: Cell): void {
    cell.thaw();
    cell.release();
  }
}
