/**
 * The invariants of DESIGN §8 over a history. Some hold at every moment, the others once nothing is out of order any more and everything had its
 * time. What a volatile actor may lose by a takeover is said at each rule; a durable one may lose nothing.
 */
import { type Fate, type History, isVoid, lineOf, type Sent, type TurnSeen, tell, type Violation } from './history.js';
import type { LedgerKind } from './workload.js';

/** What the world is at the end of a schedule. */
export interface Ending {
  /** Addresses of all actors, and what a crash may cost them. */
  readonly kinds: ReadonlyMap<string, LedgerKind>;
  /** Lives of nodes that still live: their applications' senders. */
  readonly livingLives: ReadonlySet<string>;
  /** Node lives that still live, as `MoveSeen.host`. */
  readonly livingHosts: ReadonlySet<object>;
  /** On how many living nodes each actor runs. */
  readonly places: ReadonlyMap<string, number>;
  /** Actors whose owner and standby both died: the openly stated limit. */
  readonly lost: ReadonlySet<string>;
  /** What nodes still keep of moves and takeovers that are over. */
  readonly leftovers: readonly string[];
}

/** A history being checked: what several rules need is worked out once. */
export class Checks {
  readonly violations: Violation[] = [];
  private readonly lines = new Map<TurnSeen, Set<TurnSeen>>();
  private readonly recordsBetween = new Map<string, Sent[]>();

  constructor(
    private readonly history: History,
    private readonly ending: Ending,
  ) {
    for (const record of history.sent) {
      const key = `${record.from} ${record.life} ${record.to}`;
      const records = this.recordsBetween.get(key);
      if (records === undefined) this.recordsBetween.set(key, [record]);
      else records.push(record);
    }
  }

  /** What must hold at every moment: nothing twice, nothing out of order, nothing skipped, nothing of an older life, on every branch. */
  safety(): readonly Violation[] {
    this.violations.push(...this.history.violations);
    for (const turn of this.history.turns) if (turn.children.length === 0) this.line(lineOf(turn));
    return this.violations;
  }

  /** What must hold in the end. */
  rest(): readonly Violation[] {
    const { history, ending } = this;
    for (const pending of history.pending) if (!pending.isOver && pending.isLiving()) this.add('I6', `${pending.what} never ended`);
    for (const move of history.moves)
      if (move.outcome === undefined && ending.livingHosts.has(move.host)) this.add('I4', `the move of ${move.actor} to ${move.to} never ended for its caller`);
    for (const actor of ending.kinds.keys()) {
      if (ending.lost.has(actor)) continue;
      const places = ending.places.get(actor) ?? 0;
      if (places !== 1) this.add('I5', `${actor} runs on ${places} nodes in the end`);
    }
    for (const leftover of ending.leftovers) this.add('I8', leftover);
    this.arrived();
    this.durable();
    return this.violations;
  }

  // ── Always ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private line(line: readonly TurnSeen[]): void {
    const seen = new Map<Sent, TurnSeen>();
    const streams = new Map<string, { incarnation: number; number: number; first: number }>();
    for (const turn of line) {
      const { record, stream } = turn;
      const before = seen.get(record);
      if (before !== undefined && !this.mayRepeat(before, turn)) this.add('I2', `${tell(turn)} repeats turn ${before.number}`);
      seen.set(record, turn);
      this.sameLife(turn);
      const key = `${record.from} ${stream.life}`;
      const last = streams.get(key);
      if (last !== undefined && stream.incarnation < last.incarnation) this.add('I3', `${tell(turn)} came after a record of incarnation ${last.incarnation}`);
      // A timer comes in its own time, and a stream's first segment may wait for its reader.
      if (record.kind === 'timer' || record.kind === 'stream') continue;
      if (last === undefined || stream.incarnation !== last.incarnation) {
        streams.set(key, { incarnation: stream.incarnation, number: record.number, first: record.number });
        continue;
      }
      if (record.number < last.number) this.add('I2', `${tell(turn)} came after record ${last.number}`);
      else this.nothingBetween(turn, last.number, seen);
      last.number = Math.max(last.number, record.number);
    }
  }

  /** A volatile sender that was taken back sends again, as a new incarnation, what it does not know to have arrived. */
  private mayRepeat(before: TurnSeen, again: TurnSeen): boolean {
    const { record } = again;
    return record.turn !== undefined && !this.isDurable(record.from) && before.stream.incarnation !== again.stream.incarnation;
  }

  /** I3: what came by the stream of an incarnation was sent by a turn which that incarnation remembers. */
  private sameLife(turn: TurnSeen): void {
    const { record, stream } = turn;
    if (record.turn === undefined) return;
    const last = this.history.lastTurnOf(record.from, stream.life, stream.incarnation);
    if (last !== undefined && !this.remembers(last, record.turn))
      this.add('I3', `${tell(turn)} was sent by ${tell(record.turn)}, which that life has forgotten`);
  }

  /** Two tells of one stream that follow each other on a line have nothing left out between them. */
  private nothingBetween(turn: TurnSeen, after: number, seen: ReadonlyMap<Sent, TurnSeen>): void {
    const { record } = turn;
    if (record.number <= after + 1) return;
    for (const other of this.between(record, after)) {
      if (seen.has(other) || other.kind !== 'tell' || this.mayBeLost(other)) continue;
      if (other.turn === undefined || record.turn === undefined || this.remembers(record.turn, other.turn))
        this.add('I2', `${tell(turn)} leaves out record ${other.number}`);
    }
  }

  private between(record: Sent, after: number): Sent[] {
    const records = this.recordsBetween.get(`${record.from} ${record.life} ${record.to}`) ?? [];
    return records.filter((other) => other.number > after && other.number < record.number && !isVoid(other));
  }

  // ── In the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Every tell and timer of a sender that lives and remembers it has been handled. */
  private arrived(): void {
    const missing = new Map<string, number>();
    for (const record of this.history.sent) {
      if (isVoid(record) || (record.kind !== 'tell' && record.kind !== 'timer') || !this.senderLives(record) || this.ending.lost.has(record.to)) continue;
      const last = this.history.lastTurn(record.to);
      if (record.handledBy.some((turn) => last !== undefined && this.remembers(last, turn))) continue;
      if (!this.mayBeLost(record)) this.add('I2', `${record.kind} ${record.number} of ${record.from} to ${record.to} was lost`);
      else if (record.turn === undefined && this.fateOf(record.to).deadLetters === 0 && !this.isReborn(record.to)) {
        if (record.handledBy.length === 0 && !this.wasTogether(record))
          this.add('I2', `tell ${record.number} of ${record.from} to ${record.to} was lost, and no life of its receiver had handled it`);
        const key = `${record.to} ${record.from}`;
        missing.set(key, (missing.get(key) ?? 0) + 1);
      }
    }
    for (const [key, count] of missing) {
      const [actor, sender] = key.split(' ') as [string, string];
      const told = this.fateOf(actor).gaps.get(sender) ?? 0;
      if (told < count) this.add('I2', `${count} records of ${sender} to ${actor} were lost by a takeover, and gaps tell of ${told}`);
    }
  }

  /** Nobody has heard from turns of a durable actor that the actor has forgotten. */
  private durable(): void {
    for (const record of this.history.sent) {
      if (record.turn === undefined || record.handledBy.length === 0 || !this.mustRemember(record.turn) || this.isRemembered(record.turn)) continue;
      this.add('I2', `${tell(record.handledBy[0])} was sent by ${tell(record.turn)}, which its durable actor has forgotten`);
    }
    for (const { record, turn } of this.history.answered) {
      const answerer = this.history.turns[turn - 1];
      if (answerer !== undefined && this.mustRemember(answerer) && !this.isRemembered(answerer))
        this.add('I2', `ask ${record.number} was answered by ${tell(answerer)}, which its durable actor has forgotten`);
    }
  }

  /** A takeover may lose what a volatile actor had been sent before it, observably. */
  private mayBeLost(record: Sent): boolean {
    const fate = this.fateOf(record.to);
    // A sender that was taken back begins its streams anew: what it had sent may still have been waiting.
    if (record.turn !== undefined && !this.isDurable(record.from) && record.number <= this.fateOf(record.from).restoredAfter) return true;
    if (this.isDurable(record.to)) return false;
    if (record.number <= fate.rebornAfter && this.isReborn(record.to)) return true;
    return record.number <= fate.restoredAfter || fate.deadLetters > 0 || (fate.restored > 0 && this.wasTogether(record));
  }

  /** True if the actor that has the name now is not the first: the home of a volatile actor crashed while it was there, and never had left. */
  private isReborn(actor: string): boolean {
    return this.history.lastTurn(actor)?.life !== this.fateOf(actor).firstLife;
  }

  private mustRemember({ actor }: TurnSeen): boolean {
    return this.isDurable(actor) && !this.ending.lost.has(actor);
  }

  /** True if the receiver has been to the sender's node: what lay in a mailbox there went with the copy that the takeover replaced. */
  private wasTogether({ turn, from, to }: Sent): boolean {
    return this.fateOf(to).places.has(turn === undefined ? from : turn.cell.host.name);
  }

  private senderLives({ turn, life }: Sent): boolean {
    return turn === undefined ? this.ending.livingLives.has(life) : this.isRemembered(turn);
  }

  private isRemembered(turn: TurnSeen): boolean {
    if (this.ending.lost.has(turn.actor)) return false;
    const last = this.history.lastTurn(turn.actor);
    return last !== undefined && this.remembers(last, turn);
  }

  /** True if `turn` is on the line of `last`. */
  private remembers(last: TurnSeen, turn: TurnSeen): boolean {
    let line = this.lines.get(last);
    if (line === undefined) {
      line = new Set(lineOf(last));
      this.lines.set(last, line);
    }
    return line.has(turn);
  }

  private isDurable(address: string): boolean {
    return this.ending.kinds.get(address) === 'durable';
  }

  private fateOf(actor: string): Fate {
    return this.history.fate(actor);
  }

  private add(invariant: string, seen: string): void {
    this.violations.push({ invariant, seen });
  }
}
