import { decode, encode } from '../codec/index.js';
import { GodwitError } from '../errors.js';
import type { Register } from '../migration/index.js';
import type { Clock } from '../ports/clock.js';
import type { Hash } from '../ports/digest.js';
import type { Logger } from '../ports/logger.js';
import type { Manifest } from '../ports/module-source.js';
import type { Store } from '../ports/store.js';
import type { Handed } from './directory.js';
import { outgoingRefs } from './refs.js';
import type { Journal } from './replay.js';

/** What a home keeps of an actor beyond its own crash, beside the base. */
export interface HomeEntry {
  readonly register: Register;
  /** The manifest under which the actor left, for a home that has no native code to restore it with. */
  readonly manifest: Manifest | undefined;
  /** The how-manieth hand-over of the register made this node the home; 0 for none. */
  readonly term: number;
}

/** A register that goes from one home to another. */
export interface HandedEntry extends HomeEntry {
  readonly journal: Journal | undefined;
}

/** One actor as a former life of the node had written it. */
export interface FoundHome extends HandedEntry {
  readonly actor: string;
  readonly base: { readonly hash: Hash; readonly bytes: Uint8Array } | undefined;
  /** The module, of a home that would not have it otherwise. */
  readonly blobs: readonly Uint8Array[];
}

/** Between two tries to write what could not be written, in milliseconds. */
const retryMs = 250;

/**
 * The registers, bases and journals of a home on its disk. What must be safe before anybody hears of it is written until it is: a full disk
 * holds moves and durable actors up, loses nothing, and is logged at each try.
 */
export class HomeStore {
  private closed = false;
  /** What an actor's entries wait for: they are written one after the other, also when one has to be tried again. */
  private readonly last = new Map<string, Promise<void>>();

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly node: string,
  ) {}

  /** @throws {GodwitError} DATA_LOSS an entry is malformed */
  *found(): Iterable<FoundHome> {
    for (const [key, bytes] of this.store.found) {
      if (!key.startsWith('home/')) continue;
      const actor = key.slice('home/'.length);
      const base = this.store.found.get(`base/${actor}`);
      const journal = this.store.found.get(`journal/${actor}`);
      const blobs = this.store.found.get(`blobs/${actor}`);
      yield {
        actor,
        ...(decode(bytes, outgoingRefs) as HomeEntry),
        blobs: blobs === undefined ? [] : (decode(blobs, outgoingRefs) as Uint8Array[]),
        base: base === undefined ? undefined : (decode(base, outgoingRefs) as FoundHome['base']),
        journal: journal === undefined ? undefined : (decode(journal, outgoingRefs) as Journal),
      };
    }
  }

  /** By actor: where its register is to go, which has arrived if `found` has none; or, of this node's own that ended, how far their hand-overs were counted. @throws {GodwitError} DATA_LOSS an entry is malformed */
  *handed(): Iterable<readonly [string, Handed]> {
    for (const [key, bytes] of this.store.found) if (key.startsWith('handed/')) yield [key.slice('handed/'.length), decode(bytes, outgoingRefs) as Handed];
  }

  /** From now on this node keeps the register for another only. */
  hand(actor: string, handed: Handed): Promise<void> {
    return this.write(actor, new Map([[`handed/${actor}`, encode(handed, outgoingRefs)]]));
  }

  /** The other has it: where it is, is all that is left here. */
  handedOver(actor: string, handed: Handed): Promise<void> {
    return this.write(actor, new Map([[`handed/${actor}`, encode(handed, outgoingRefs)], ...this.nothing(actor)]));
  }

  /** The register is this node's. @param base what the register names, if it is not written yet */
  take(actor: string, { journal, ...entry }: HandedEntry, base: FoundHome['base'], blobs: readonly Uint8Array[]): Promise<void> {
    const changes = new Map<string, Uint8Array | undefined>([
      [`handed/${actor}`, undefined],
      [`home/${actor}`, encode(entry, outgoingRefs)],
    ]);
    if (base !== undefined) changes.set(`base/${actor}`, encode(base, outgoingRefs));
    if (journal !== undefined) changes.set(`journal/${actor}`, encode(journal, outgoingRefs));
    if (blobs.length > 0) changes.set(`blobs/${actor}`, encode(blobs, outgoingRefs));
    return this.write(actor, changes);
  }

  /** Writes once. @throws {GodwitError} RESOURCE_EXHAUSTED · UNAVAILABLE */
  async begin(actor: string, entry: HomeEntry): Promise<void> {
    await this.store.write(new Map([[`home/${actor}`, encode(entry, outgoingRefs)]]));
  }

  /** @param base what the register names, if it is not written yet @param journal undefined to leave it, null to delete it */
  register(actor: string, entry: HomeEntry, base: FoundHome['base'], journal: null | undefined): Promise<void> {
    const changes = new Map<string, Uint8Array | undefined>([[`home/${actor}`, encode(entry, outgoingRefs)]]);
    if (base !== undefined) changes.set(`base/${actor}`, encode(base, outgoingRefs));
    if (journal === null) changes.set(`journal/${actor}`, undefined);
    return this.write(actor, changes);
  }

  journal(actor: string, journal: Journal): Promise<void> {
    return this.write(actor, new Map([[`journal/${actor}`, encode(journal, outgoingRefs)]]));
  }

  /** @param handed what is remembered of the actor's homes, if this node counts them */
  forget(actor: string, handed: Handed | undefined): Promise<void> {
    const counted = handed === undefined ? undefined : encode(handed, outgoingRefs);
    return this.write(actor, new Map([[`handed/${actor}`, counted], ...this.nothing(actor)]));
  }

  /** What waits to be written is not tried again. */
  close(): void {
    this.closed = true;
  }

  private nothing(actor: string): ReadonlyArray<readonly [string, undefined]> {
    return ['home', 'base', 'journal', 'blobs'].map((kind) => [`${kind}/${actor}`, undefined]);
  }

  private write(actor: string, changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const before = this.last.get(actor);
    const written = before === undefined ? this.untilWritten(actor, changes) : before.then(() => this.untilWritten(actor, changes));
    this.last.set(actor, written);
    const forget = () => this.last.get(actor) === written && this.last.delete(actor);
    written.then(forget, forget);
    return written;
  }

  private async untilWritten(actor: string, changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    for (;;) {
      try {
        await this.store.write(changes);
        return;
      } catch (thrown) {
        const { code, message } = GodwitError.from(thrown);
        this.logger.log('error', 'home.not-written', { node: this.node, actor, code, reason: message });
      }
      // Nobody may go on as if it were written.
      if (this.closed) return new Promise(() => {});
      await new Promise<void>((resolve) => void this.clock.after(retryMs, resolve));
    }
  }
}
