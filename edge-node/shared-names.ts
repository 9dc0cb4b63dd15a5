// Names under which one actor is shared by every device of the cluster (the paper's Map Server).
//
//   free ──claim──▶ claimed ──arrived──▶ taken ──left──▶ free
//    ▲                └──gave up──▶ free   │                             ┌──came back by itself──▶ taken
//    │                                    └──the edge started again──▶ kept ──claim by the same actor──▶ claimed
//    └──────────────────────time is over──────────────────────────────┘
//
// While a name is claimed, another claim waits: the first one's move is under way. While it is kept, the actor that had it is at its home or on
// its way back: others are refused, so that no second actor gets the name only because the edge started again. If the edge itself is its home
// (the register was handed to it: see `core/node/rehoming.ts`) it comes back here, and the name is taken again.
//
// N1 Whose a name is, is on disk before its claim is granted; that it is free again may be lost in a crash, which keeps it for a while.
import { type Cancel, type Clock, GodwitError, type Logger, type Store, silentLogger } from '#core';
import type { Redirect } from './offers.js';

/** What the registry of shared names is made of. */
export interface SharedNamesOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Keeps names beyond a restart, under keys `names/…`. Without one a restart forgets them. */
  readonly store?: Store;
  /** Milliseconds from the start that names of before are kept for the actors that had them; default 60 000. */
  readonly keepMs?: number;
}

interface Claimed {
  readonly status: 'claimed';
  readonly token: string;
  readonly actor: string;
  readonly settled: Promise<void>;
  readonly settle: () => void;
}
interface Taken {
  readonly status: 'taken';
  /** Undefined for one that came back by itself. */
  readonly token: string | undefined;
  readonly at: Redirect;
}
interface Kept {
  readonly status: 'kept';
  /** Address of the actor that had the name. */
  readonly actor: string;
  readonly untilMs: number;
  readonly cancel: Cancel;
}

/** A lease, at whose end the home goes on with the actor, and time to offload it again. */
const defaultKeepMs = 60_000;
const prefix = 'names/';

/** The registry of shared names. */
export class SharedNames {
  private readonly names = new Map<string, Claimed | Taken | Kept>();
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly store: Store | undefined;

  constructor(options: SharedNamesOptions) {
    this.clock = options.clock;
    this.logger = options.logger ?? silentLogger;
    this.store = options.store;
    for (const [key, value] of this.store?.found ?? []) {
      if (key.startsWith(prefix)) this.keep(key.slice(prefix.length), new TextDecoder().decode(value), options.keepMs ?? defaultKeepMs);
    }
  }

  /** The actor that has a name. */
  at(name: string): Redirect | undefined {
    const entry = this.names.get(name);
    return entry?.status === 'taken' ? entry.at : undefined;
  }

  list(): Array<{ readonly name: string; readonly at: Redirect }> {
    return [...this.names].flatMap(([name, entry]) => (entry.status === 'taken' ? [{ name, at: entry.at }] : []));
  }

  /** Why an actor cannot have a name now, nor join who has it; undefined if it may claim it. */
  refusal(name: string, actor: string): GodwitError | undefined {
    const entry = this.names.get(name);
    if (entry?.status !== 'kept' || entry.actor === actor) return undefined;
    const leftMs = Math.max(0, Math.ceil(entry.untilMs - this.clock.now()));
    return new GodwitError('UNAVAILABLE', `the name '${name}' is kept for ${entry.actor} for ${leftMs} ms more: this edge started again while that had it`);
  }

  /**
   * Claims a name for an actor, which holds `token`; waits while another claim is open.
   * @returns who has the name, if somebody has
   * @throws {GodwitError} UNAVAILABLE it is kept for another actor, or the disk fails · RESOURCE_EXHAUSTED the disk is full
   */
  async claim(name: string, token: string, actor: string): Promise<Redirect | undefined> {
    for (;;) {
      const entry = this.names.get(name);
      if (entry?.status === 'taken') return entry.at;
      if (entry?.status === 'claimed') {
        await entry.settled;
        continue;
      }
      const refusal = this.refusal(name, actor);
      if (refusal !== undefined) throw refusal;
      entry?.cancel();
      await this.grant(name, token, actor);
      return undefined;
    }
  }

  /** The claimant's move is committed. */
  take(name: string, token: string, at: Redirect): void {
    const entry = this.names.get(name);
    if (entry === undefined || entry.status === 'kept' || entry.token !== token) return;
    this.names.set(name, { status: 'taken', token, at });
    if (entry.status === 'claimed') entry.settle();
  }

  /** Whether an actor has a name, is about to, or had one when the edge started: then its register may be kept here. */
  readonly keepsNameOf = (actor: string): boolean => [...this.names.values()].some((entry) => actorOf(entry) === actor);

  /** An actor runs here that no device has just brought: the edge is its home. It has the names again that are kept for it. */
  cameBack(at: Redirect): void {
    for (const [name, entry] of this.names) {
      if (entry.status !== 'kept' || entry.actor !== at.actor) continue;
      entry.cancel();
      this.names.set(name, { status: 'taken', token: undefined, at });
      this.logger.log('info', 'shared-name.back', { name, actor: at.actor });
    }
  }

  /** An actor that had come back left the cluster. */
  left(actor: string): void {
    for (const [name, entry] of this.names) {
      if (entry.status !== 'taken' || entry.token !== undefined || entry.at.actor !== actor) continue;
      this.names.delete(name);
      this.forget(name);
    }
  }

  /** The claimant gave up, or the actor left the cluster. */
  free(name: string, token: string): void {
    const entry = this.names.get(name);
    if (entry === undefined || entry.status === 'kept' || entry.token !== token) return;
    this.names.delete(name);
    this.forget(name);
    if (entry.status === 'claimed') entry.settle();
  }

  /** Ends every wait. What is on disk stays there: the edge may start again. */
  close(): void {
    const entries = [...this.names.values()];
    this.names.clear();
    for (const entry of entries) {
      if (entry.status === 'claimed') entry.settle();
      else if (entry.status === 'kept') entry.cancel();
    }
  }

  private async grant(name: string, token: string, actor: string): Promise<void> {
    let settle = () => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.names.set(name, { status: 'claimed', token, actor, settled, settle });
    try {
      // N1
      await this.store?.write(new Map([[prefix + name, new TextEncoder().encode(actor)]]));
    } catch (thrown) {
      this.free(name, token);
      throw thrown;
    }
  }

  private keep(name: string, actor: string, keepMs: number): void {
    const cancel = this.clock.after(keepMs, () => {
      this.names.delete(name);
      this.forget(name);
      this.logger.log('info', 'shared-name.freed', { name, actor, reason: `the actor did not come back within ${keepMs} ms` });
    });
    this.names.set(name, { status: 'kept', actor, untilMs: this.clock.now() + keepMs, cancel });
    this.logger.log('info', 'shared-name.kept', { name, actor, keepMs });
  }

  private forget(name: string): void {
    this.store?.write(new Map([[prefix + name, undefined]])).catch((thrown: unknown) => {
      this.logger.log('warn', 'shared-name.not-forgotten', { name, reason: GodwitError.from(thrown).message });
    });
  }
}

function actorOf(entry: Claimed | Taken | Kept): string {
  return entry.status === 'taken' ? entry.at.actor : entry.actor;
}
