import type { Cancel, Node, NodeEvent } from '#core';

/** Names, units and meanings follow OpenTelemetry; {@link formatMetrics} turns them into Prometheus'. */
export interface Metric {
  /** Words with dots: 'godwit.link.rtt'. */
  readonly name: string;
  /** UCUM: 's', 'By', or what is counted in braces: '{turn}'. */
  readonly unit: string;
  readonly description: string;
  readonly kind: 'counter' | 'gauge';
  readonly points: readonly Point[];
}

/** One value of a metric. */
export interface Point {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** How often a measured value was at most each of `bounds`, counted since the node began. */
export interface Histogram extends Omit<Metric, 'kind' | 'points'> {
  readonly kind: 'histogram';
  readonly labels: Readonly<Record<string, string>>;
  /** Ascending; what is above the last is counted too. */
  readonly bounds: readonly number[];
  /** One more than `bounds`; each counts what is above the bound before it. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Seconds: a small actor on loopback stalls for a few milliseconds, a large one over a bad link for seconds. */
const stallBounds: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

const stall = {
  name: 'godwit.move.stall',
  unit: 's',
  description: 'Time from the end of the last turn at the source to the start of the actor at the target, of moves away from this node.',
  bounds: stallBounds,
} as const;

/** The metrics of one node: what it counts itself is read when asked for, what only its events tell is counted here. */
export class NodeMetrics {
  private readonly failedTurns = new Map<string, number>();
  private readonly moves = new Map<string, number>([
    ['moved', 0],
    ['failed', 0],
  ]);
  private arrivals = 0;
  private deadLetters = 0;
  private readonly stalls: number[] = new Array<number>(stallBounds.length + 1).fill(0);
  private stalledSeconds = 0;
  private readonly listeners = new Set<(seconds: number, labels: Point['labels']) => void>();
  private readonly labels: Point['labels'];

  constructor(private readonly node: Pick<Node, 'name' | 'observe' | 'statistics'>) {
    this.labels = { node: node.name };
    node.observe((event) => this.count(event));
  }

  /** Every metric, now. */
  collect(): ReadonlyArray<Metric | Histogram> {
    const { actors, turns, mailboxRecords, asksInFlight, links } = this.node.statistics();
    const one = (value: number): readonly Point[] => [{ labels: this.labels, value }];
    const each = (label: string, values: ReadonlyMap<string, number>): Point[] =>
      [...values].map(([key, value]) => ({ labels: { ...this.labels, [label]: key }, value }));
    const ofLinks = (read: (link: (typeof links)[number]) => number): Point[] =>
      links.map((link) => ({ labels: { ...this.labels, peer: link.peer }, value: read(link) })).filter(({ value }) => !Number.isNaN(value));
    return [
      gauge('actors', '{actor}', 'Actors that are on this node.', one(actors)),
      counter('turns', '{turn}', 'Turns that have ended, failed ones too.', one(turns)),
      counter('turns.failed', '{turn}', 'Turns that threw, by the code of the error.', each('code', this.failedTurns)),
      gauge('asks.in_flight', '{ask}', 'Asks and streams that wait for an answer.', one(asksInFlight)),
      gauge('mailbox.records', '{record}', 'Records that wait for their turn.', one(mailboxRecords)),
      counter('dead_letters', '{record}', 'Records that nobody will handle.', one(this.deadLetters)),
      counter('moves', '{move}', 'Moves away from this node, by outcome.', each('outcome', this.moves)),
      counter('arrivals', '{move}', 'Moves to this node.', one(this.arrivals)),
      { ...stall, kind: 'histogram', labels: this.labels, counts: [...this.stalls], sum: this.stalledSeconds },
      gauge(
        'link.up',
        '',
        '1 while there is a connection to the peer, else 0.',
        ofLinks(({ attached }) => (attached ? 1 : 0)),
      ),
      gauge(
        'link.rtt',
        's',
        'Round trip to the peer.',
        ofLinks(({ attached, rttMs }) => (attached ? rttMs / 1000 : Number.NaN)),
      ),
      counter(
        'link.sent',
        'By',
        'Sent to the peer in frames.',
        ofLinks(({ sentBytes }) => sentBytes),
      ),
      counter(
        'link.received',
        'By',
        'Received from the peer in frames.',
        ofLinks(({ receivedBytes }) => receivedBytes),
      ),
    ];
  }

  /** Hears of every stall as it is counted, in seconds. */
  onStall(listener: (seconds: number, labels: Point['labels']) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private count(event: NodeEvent): void {
    if (event.type === 'turn-failed') add(this.failedTurns, event.code);
    else if (event.type === 'dead-letter') this.deadLetters += 1;
    else if (event.type === 'arrived') this.arrivals += 1;
    else if (event.type === 'move-failed') add(this.moves, 'failed');
    // A recall is told where it was asked for, too.
    else if (event.type === 'moved' && event.report.from.node === this.node.name) {
      add(this.moves, 'moved');
      this.stalled(event.report.stallMs / 1000);
    }
  }

  private stalled(seconds: number): void {
    const bucket = stallBounds.findIndex((bound) => seconds <= bound);
    const at = bucket < 0 ? stallBounds.length : bucket;
    this.stalls[at] = this.stalls[at] + 1;
    this.stalledSeconds += seconds;
    for (const listener of this.listeners) listener(seconds, this.labels);
  }
}

function gauge(name: string, unit: string, description: string, points: readonly Point[]): Metric {
  return { name: `godwit.${name}`, unit, description, kind: 'gauge', points };
}

function counter(name: string, unit: string, description: string, points: readonly Point[]): Metric {
  return { name: `godwit.${name}`, unit, description, kind: 'counter', points };
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
