/**
 * Protections of the protocol that the search can switch off, one at a time, in the very code of core: each replaces a method for a while. A
 * search that cannot see what then goes wrong proves nothing.
 */
import { Cursor } from '../../delivery/cursor.js';
import { Outbox } from '../../delivery/outbox.js';
import type { SourceEffect, SourceEvent, SourceState } from '../../migration/source-state.js';
import type { Step } from '../../migration/types.js';
import type { Bases } from '../../node/bases.js';
import { Cell } from '../../node/cell.js';
import type { Channel } from '../../node/channel.js';
import { Inbound } from '../../node/inbound.js';
import { Link } from '../../node/link.js';
import { OutgoingMove } from '../../node/outgoing-move.js';
import { Outlet } from '../../node/outlet.js';
import { Owners } from '../../node/owners.js';
import type { Hash } from '../../ports/digest.js';
import { SimulatedDisk } from '../simulated-disk.js';
import { type Menu, menus } from './schedule.js';

/** A protection that can be switched off. */
interface Ablation {
  /** What holds no more. */
  readonly what: string;
  /** Where it is needed most. */
  readonly menu: Menu;
  install(): Restore;
}

type Restore = () => void;
type SourceStep = (state: SourceState, event: SourceEvent) => Step<SourceState, SourceEffect>;

const [volatileOnly, durableOnly] = menus as readonly [Menu, Menu];

const all = {
  deduplication: {
    what: 'a receiver takes a repeated record for a new one',
    menu: volatileOnly,
    install: () =>
      together(
        replace(
          Cursor.prototype,
          'accept',
          (original) =>
            function (this: Cursor, number) {
              const answer = original.call(this, number);
              return answer === 'repeated' ? 'next' : answer;
            },
        ),
        replace(Cursor.prototype, 'wasHandled', () => () => false),
      ),
  },
  fencing: {
    what: 'a receiver takes records of older epochs and incarnations',
    menu: volatileOnly,
    install: () =>
      together(
        replace(
          Cell.prototype,
          'cursorFor',
          (original) =>
            function (this: Cell, from, life, incarnation, epoch) {
              const known = this.cursors.get(from.$address);
              return known === undefined || known.life !== life
                ? original.call(this, from, life, incarnation, epoch)
                : original.call(this, from, life, Math.max(incarnation, known.incarnation), Math.max(epoch, known.epoch));
            },
        ),
        replace(
          Inbound.prototype,
          'record',
          (original) =>
            function (this: Inbound, ...args) {
              const incoming = (this as unknown as { readonly streams: Array<{ epoch: number; readonly cursor: Cursor } | undefined> }).streams[args[2]];
              if (incoming !== undefined) incoming.epoch = incoming.cursor.epoch;
              original.apply(this, args);
            },
        ),
        replace(Inbound.prototype as unknown as { laterEpoch(): number | undefined }, 'laterEpoch', () => () => undefined),
      ),
  },
  incarnations: {
    what: 'an actor that forgot turns goes on with the numbers of its former life',
    menu: volatileOnly,
    install: () => replace(Outbox.prototype, 'beginAnew', () => () => {}),
  },
  'retained copy': {
    what: 'the source drops its frozen copy at commit',
    menu: volatileOnly,
    install: () =>
      replace(
        OutgoingMove.prototype as unknown as { carry(effect: SourceEffect): unknown },
        'carry',
        (original) =>
          function (this: unknown, effect) {
            const { context, hash } = this as { context: { bases: Bases }; hash: Hash };
            const carried = original.call(this as never, effect);
            if (effect.type === 'moved') context.bases.release(hash);
            return carried;
          },
      ),
  },
  'retention until stable': {
    what: 'a sender forgets a record once it is sent',
    menu: volatileOnly,
    install: () =>
      replace(
        Link.prototype as unknown as { write(channel: Channel, pipe: unknown): void },
        'write',
        (original) =>
          function (this: unknown, channel, pipe) {
            original.call(this as never, channel, pipe);
            channel.acknowledge(channel.sent);
          },
      ),
  },
  'competing proposal': {
    what: 'a source that has proposed gives up by itself',
    menu: volatileOnly,
    install: () =>
      replace(
        OutgoingMove.prototype,
        'begin',
        (original) =>
          function (this: OutgoingMove, target) {
            replace(this.machine as unknown as { next: SourceStep }, 'next', givingUpAlone);
            original.call(this, target);
          },
      ),
  },
  'self-fencing': {
    what: 'an owner runs on after its lease',
    menu: volatileOnly,
    install: () =>
      together(
        replace(
          Owners.prototype as unknown as { carry(cell: Cell, effect: { readonly type: string }): void },
          'carry',
          (original) =>
            function (this: unknown, cell, effect) {
              if (effect.type !== 'pause') original.call(this as never, cell, effect);
            },
        ),
        replace(
          Cell.prototype,
          'hasWork',
          (original) =>
            function (this: Cell) {
              this.leaseUntilMs = Number.POSITIVE_INFINITY;
              return original.call(this);
            },
        ),
      ),
  },
  'register on disk': {
    what: 'a home forgets its registers when it crashes',
    menu: durableOnly,
    install: () =>
      replace(
        SimulatedDisk.prototype,
        'open',
        (original) =>
          function (this: SimulatedDisk, life) {
            const { write } = original.call(this, life);
            return { found: new Map(), write };
          },
      ),
  },
  'outputs wait for the standby': {
    what: 'what a durable actor sends leaves at once',
    menu: durableOnly,
    install: () =>
      replace(
        Outlet.prototype as unknown as { postDurably(channel: Channel, record: unknown): void },
        'postDurably',
        (original) =>
          function (this: unknown, channel, record) {
            original.call(this as never, channel, record);
            (channel as unknown as { release(number: number): void }).release(channel.next - 1);
          },
      ),
  },
} as const satisfies Readonly<Record<string, Ablation>>;

/** Name of a protection that can be switched off. */
export type AblationName = keyof typeof all;

/** The protections that can be switched off, with what holds no more then and where that is needed most. */
export const ablations: Readonly<Record<AblationName, Omit<Ablation, 'install'>>> = all;

/** Switches a protection off. @returns what switches it on again */
export function ablate(name: AblationName): Restore {
  return all[name].install();
}

/** S2 off: where the source would propose itself, it goes on as the owner it was. */
function givingUpAlone(step: SourceStep): SourceStep {
  return (state, event) => {
    const next = step(state, event);
    if (state.phase !== 'proposing' || next.state.phase !== 'proposing' || next.state.giveUp === undefined || state.giveUp !== undefined) return next;
    const { plan } = state;
    const isAtHome = plan.home === plan.source.name;
    const leaseUntilMs = isAtHome ? Number.POSITIVE_INFINITY : event.nowMs + plan.timings.renewEveryMs;
    return {
      state: { phase: 'givenUp', plan },
      effects: [
        { type: 'stopTimer', timer: 'propose' },
        { type: 'activate', epoch: plan.epoch, leaseUntilMs },
        { type: 'report', report: { type: 'givenUp', reason: next.state.giveUp, epoch: plan.epoch } },
      ],
    };
  };
}

/** Replaces a method. @returns what puts it back */
function replace<T extends object, K extends keyof T>(prototype: T, name: K, by: (original: T[K]) => T[K]): Restore {
  const original = prototype[name];
  if (original === undefined) throw new TypeError(`there is no ${String(name)} to replace`);
  prototype[name] = by(original);
  return () => {
    prototype[name] = original;
  };
}

function together(...restores: readonly Restore[]): Restore {
  return () => {
    for (const restore of restores) restore();
  };
}
