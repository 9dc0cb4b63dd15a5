/**
 * The reference model of a schedule: what was sent and what was handled, kept outside of every node, where no crash reaches it.
 *
 * Each turn of a ledger actor writes its number into the actor's state, and names the number it found there as its parent. So the turns of an
 * actor form a tree: a line while all is well, a branch wherever the actor was taken back to an earlier state. What the actor's state says now is
 * one leaf, and the way from the root to it is what the actor believes to have lived.
 *
 *     1 ── 2 ── 3 ── 4        4 was forgotten by a takeover, 5 came after 3
 *               └──── 5 ── 6
 *
 * A turn that is run again, by the same record and from the same state, is the same turn, and what it sends again the same record: handlers here
 * do the same whenever they are run.
 */

/** What a turn's cell shows of itself; the real one belongs to `core/node`. */
export interface CellSeen {
  readonly address: string;
  readonly life: string;
  readonly incarnation: number;
  readonly epoch: number;
  readonly status: string;
  /** One object per life of a node. */
  readonly host: { readonly name: string };
}

/** The stream by which a record came: its sender's life and incarnation as the receiver's cursor has them. */
export interface StreamSeen {
  readonly life: string;
  readonly incarnation: number;
}

/** How a record was sent. A timer is one, too: its actor sends it to itself. */
export type SentKind = 'tell' | 'ask' | 'stream' | 'timer';

/** A record that an application or a turn sent. Numbers ascend in the order of sending, over all senders. */
export interface Sent {
  readonly number: number;
  readonly kind: SentKind;
  /** Address of the actor, or name of the node whose application sent it. */
  readonly from: string;
  readonly life: string;
  /** The turn that sent it; undefined for an application. */
  readonly turn: TurnSeen | undefined;
  readonly to: string;
  /** How many runs of its turn have sent it; 1 for an application. */
  sends: number;
  /** How many of them were told that it was not sent, or threw: see {@link isVoid}. */
  refusals: number;
  /** Turns that handled it, in whatever branch. */
  readonly handledBy: TurnSeen[];
}

/** A turn that began. */
export interface TurnSeen {
  readonly number: number;
  readonly parent: TurnSeen | undefined;
  readonly record: Sent;
  readonly stream: StreamSeen;
  readonly actor: string;
  readonly life: string;
  /** These three as of its latest run. */
  incarnation: number;
  epoch: number;
  cell: CellSeen;
  readonly children: TurnSeen[];
  readonly sent: Sent[];
  /** How many of `sent` each of its runs has sent: one that goes on in a copy which does not know yet that it is over runs beside the next. */
  readonly runs: Map<CellSeen, number>;
}

/** One run of a turn. */
interface Run {
  readonly turn: TurnSeen;
  readonly incarnation: number;
  readonly epoch: number;
  readonly life: string;
  readonly host: { readonly name: string };
}

/** An ask or a stream that somebody opened. */
export interface Pending {
  readonly record: Sent;
  /** True while whoever waits for it lives. */
  readonly isLiving: () => boolean;
  readonly what: string;
  isOver: boolean;
}

/** The answer to an ask: the turn that gave it. */
export interface Answered {
  readonly record: Sent;
  readonly turn: number;
}

/** What a ledger's state holds beside anything else: the number of its last turn. */
export interface Lineage {
  head: number;
  readonly bulk: string;
}

/** Something that contradicts the model. `invariant` is a name of DESIGN §8. */
export interface Violation {
  readonly invariant: string;
  readonly seen: string;
}

/** A move, as its caller sees it. */
export interface MoveSeen {
  readonly actor: string;
  readonly to: string;
  readonly host: object;
  outcome: string | undefined;
}

/** What nodes reported of one actor. */
export interface Fate {
  /** Number of the last record sent before the last takeover; 0 if there was none. */
  restoredAfter: number;
  restored: number;
  /** Life of the first actor of the name. */
  firstLife: string;
  /** Number of the last record sent before its home began its present life; 0 in its first. The actor is another one then if it had never left. */
  rebornAfter: number;
  deadLetters: number;
  /** Nodes that it has been to. */
  readonly places: Set<string>;
  /** Records lost by takeovers, by their senders. */
  readonly gaps: Map<string, number>;
}

/** All that one schedule did. */
export class History {
  readonly sent: Sent[] = [];
  readonly turns: TurnSeen[] = [];
  readonly pending: Pending[] = [];
  readonly answered: Answered[] = [];
  readonly moves: MoveSeen[] = [];
  readonly violations: Violation[] = [];
  readonly fates = new Map<string, Fate>();
  private readonly latest = new Map<string, Run>();
  private readonly latestOf = new Map<string, TurnSeen>();

  violate(invariant: string, seen: string): void {
    if (this.violations.length < maxViolations) this.violations.push({ invariant, seen });
  }

  /** An application is about to send a record. */
  send(kind: SentKind, from: string, life: string, to: string): Sent {
    return this.record(kind, from, life, undefined, to);
  }

  /** A turn is about to send a record. @param cell where it runs */
  sendIn(turn: TurnSeen, cell: CellSeen, kind: SentKind, to: string): Sent {
    const count = turn.runs.get(cell) ?? 0;
    turn.runs.set(cell, count + 1);
    const before = turn.sent[count];
    if (before !== undefined) {
      before.sends++;
      return before;
    }
    const record = this.record(kind, turn.actor, turn.life, turn, to);
    turn.sent.push(record);
    return record;
  }

  /** A turn of a ledger begins with the record of that number: writes the state's lineage on. */
  begin(state: Lineage, number: number, cell: CellSeen, stream: StreamSeen): TurnSeen {
    const record = this.sent[number - 1];
    const parent = state.head === 0 ? undefined : this.turns[state.head - 1];
    const again = record.handledBy.find((turn) => turn.parent === parent && turn.life === cell.life);
    const turn = again ?? this.firstRun(record, parent, cell, stream);
    const { incarnation, epoch } = cell;
    Object.assign(turn, { incarnation, epoch, cell });
    turn.runs.set(cell, 0);
    this.checkOwner(turn);
    this.checkDelivery(turn, stream);
    this.latest.set(turn.actor, { turn, incarnation, epoch, life: cell.life, host: cell.host });
    this.latestOf.set(incarnationKey(turn.actor, turn.life, incarnation), turn);
    state.head = turn.number;
    return turn;
  }

  fate(actor: string): Fate {
    let fate = this.fates.get(actor);
    if (fate === undefined) {
      fate = { restoredAfter: 0, restored: 0, firstLife: '', rebornAfter: 0, deadLetters: 0, places: new Set(), gaps: new Map() };
      this.fates.set(actor, fate);
    }
    return fate;
  }

  /** The last turn of an actor that began. */
  lastTurn(actor: string): TurnSeen | undefined {
    return this.latest.get(actor)?.turn;
  }

  /** The last turn that an incarnation of an actor began. */
  lastTurnOf(actor: string, life: string, incarnation: number): TurnSeen | undefined {
    return this.latestOf.get(incarnationKey(actor, life, incarnation));
  }

  private record(kind: SentKind, from: string, life: string, turn: TurnSeen | undefined, to: string): Sent {
    const record: Sent = { number: this.sent.length + 1, kind, from, life, turn, to, sends: 1, refusals: 0, handledBy: [] };
    this.sent.push(record);
    return record;
  }

  private firstRun(record: Sent, parent: TurnSeen | undefined, cell: CellSeen, stream: StreamSeen): TurnSeen {
    const { address: actor, life, incarnation, epoch } = cell;
    const turn: TurnSeen = {
      number: this.turns.length + 1,
      parent,
      record,
      stream,
      actor,
      life,
      incarnation,
      epoch,
      cell,
      children: [],
      sent: [],
      runs: new Map(),
    };
    this.turns.push(turn);
    parent?.children.push(turn);
    record.handledBy.push(turn);
    return turn;
  }

  /** I1, I3: epochs of an actor's turns never go back, and within one epoch one life of one node runs them, on one line. */
  private checkOwner(turn: TurnSeen): void {
    const before = this.latest.get(turn.actor);
    if (before === undefined || before.life !== turn.life) return;
    const last = `turn ${before.turn.number} (epoch ${before.epoch}, on ${before.host.name})`;
    if (turn.epoch < before.epoch) this.violate('I3', `${tell(turn)} began after ${last}`);
    if (turn.epoch === before.epoch && turn.cell.host !== before.host) this.violate('I1', `${tell(turn)} ran beside ${last}`);
    if (turn.incarnation === before.incarnation && turn.epoch === before.epoch && turn.parent !== before.turn)
      this.violate('I2', `${tell(turn)} does not follow ${last} but ${tellOr(turn.parent)}`);
  }

  private checkDelivery(turn: TurnSeen, stream: StreamSeen): void {
    const { record } = turn;
    if (record.to !== turn.actor) this.violate('I2', `${tell(turn)} handles a record for ${record.to}`);
    if (isVoid(record)) this.violate('I2', `${tell(turn)} handles a record that was refused or discarded`);
    if (turn.parent !== undefined && turn.parent.actor !== turn.actor) this.violate('I7', `${tell(turn)} found the state of ${turn.parent.actor}`);
    if (stream.life !== record.life) this.violate('I3', `${tell(turn)} came by a stream of another life of ${record.from}`);
  }
}

/** True if nobody may handle it: no run of its turn got it out. */
export function isVoid({ sends, refusals }: Sent): boolean {
  return refusals >= sends;
}

/** One line about a turn, for people. */
export function tell(turn: TurnSeen): string {
  const { number, actor, incarnation, epoch, cell, record, stream } = turn;
  const via = stream.incarnation === 0 ? '' : ` by incarnation ${stream.incarnation}`;
  return `turn ${number} of ${actor} (epoch ${epoch}, incarnation ${incarnation}, on ${cell.host.name}; ${record.kind} ${record.number} of ${record.from}${via})`;
}

function tellOr(turn: TurnSeen | undefined): string {
  return turn === undefined ? 'its first state' : tell(turn);
}

/** The turns that led to one, the first turn first, itself last. */
export function lineOf(turn: TurnSeen | undefined): TurnSeen[] {
  const line: TurnSeen[] = [];
  for (let at = turn; at !== undefined; at = at.parent) line.push(at);
  return line.reverse();
}

function incarnationKey(actor: string, life: string, incarnation: number): string {
  return `${actor} ${life} ${incarnation}`;
}

/** More say nothing new. */
const maxViolations = 8;
