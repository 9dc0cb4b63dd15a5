// Sent against handled: what every receiver's account must say of what every sender sent.
import type { Durability } from '#core';
import type { CourierReport } from './courier.js';
import { type Account, chain, openAccount, valueFor } from './entry.js';
import type { Read } from './reader.js';

/** What somebody sent to one courier. */
export interface Sending {
  readonly from: string;
  readonly to: string;
  /** Number of the last entry; undefined if the sender died with what it knew. */
  readonly upTo: number | undefined;
  /** Number of the last entry that was acknowledged by an answer. */
  readonly atLeast: number;
  /** When that answer came, on the machine's clock. */
  readonly answeredAtMs?: number;
  /** Numbers whose asks ended with an error: handled or not, both are right. */
  readonly uncertain: readonly number[];
  /** How many of them ended by their deadline: nobody answered, which is never right. */
  readonly expired: number;
}

/** What was seen of rollbacks while it ran: it excuses volatile couriers, never durable ones. */
export interface Observed {
  /** Takeovers by name of the courier. */
  readonly restored: ReadonlyMap<string, number>;
  /** Entries that `gap` events named as lost, by name of the receiver. */
  readonly gaps: ReadonlyMap<string, number>;
}

/** One promise that was broken. */
export interface Violation {
  readonly kind: 'lost' | 'duplicated' | 'reordered' | 'state' | 'answer' | 'stream' | 'takeover' | 'process' | 'stuck';
  readonly what: string;
}

/** Entries, all couriers together. What is lost, duplicated or reordered counts here even where it is excused. */
export interface Tally {
  sent: number;
  handled: number;
  lost: number;
  duplicated: number;
  reordered: number;
  uncertain: number;
}

export interface Verdict {
  readonly tally: Tally;
  readonly violations: readonly Violation[];
}

/**
 * Checks what the couriers report at the end of a run, at rest.
 * @param applications what was sent from outside the couriers
 */
export function check(durability: Durability, reports: readonly CourierReport[], applications: readonly Sending[], observed: Observed): Verdict {
  const tally: Tally = { sent: 0, handled: 0, lost: 0, duplicated: 0, reordered: 0, uncertain: 0 };
  const violations: Violation[] = [];
  const excuses = new Excuses(durability, observed);
  const sendings = [...applications, ...reports.flatMap(sendingsOf)];
  for (const report of reports) {
    for (const [to, { wrongAnswers }] of Object.entries(report.sent)) {
      if (wrongAnswers > 0 && !excuses.rolledBack(to) && !excuses.rolledBack(report.name))
        violations.push({ kind: 'answer', what: `${wrongAnswers} asks of ${report.name} to ${to} were answered with another number` });
    }
    for (const from of Object.keys(report.accounts)) {
      if (!sendings.some((sending) => sending.from === from && sending.to === report.name))
        violations.push({ kind: 'state', what: `${report.name} has an account of ${from}, who never sent` });
    }
  }
  for (const sending of sendings) {
    const account = reports.find(({ name }) => name === sending.to)?.accounts[sending.from] ?? openAccount();
    compare(sending, account, excuses, tally, violations);
  }
  return { tally, violations };
}

/** Items of streams, all couriers together. */
export interface StreamTally {
  opened: number;
  items: number;
  lost: number;
  repeated: number;
  /** Streams that ended with an error, by code. */
  readonly failed: Record<string, number>;
}

/** Checks what the applications read. A planned move ends no stream; nor does a takeover of a durable courier. */
export function checkReads(
  durability: Durability,
  reads: readonly Read[],
  observed: Observed,
): { readonly streams: StreamTally; readonly violations: readonly Violation[] } {
  const streams: StreamTally = { opened: 0, items: 0, lost: 0, repeated: 0, failed: {} };
  const violations: Violation[] = [];
  const excuses = new Excuses(durability, observed);
  const couriers = new Map<string, StreamTally>();
  for (const { courier, ...read } of reads) {
    const all = couriers.get(courier) ?? { opened: 0, items: 0, lost: 0, repeated: 0, failed: {} };
    couriers.set(courier, all);
    for (const tally of [all, streams]) addRead(tally, read);
  }
  for (const [courier, { lost, repeated, failed }] of couriers) {
    const expired = failed.DEADLINE_EXCEEDED ?? 0;
    if (expired > 0) violations.push({ kind: 'stuck', what: `${expired} streams of ${courier} did not come to their end before their deadline` });
    if (excuses.rolledBack(courier)) continue;
    if (lost > 0 || repeated > 0) violations.push({ kind: 'stream', what: `streams of ${courier}: ${lost} items never came, ${repeated} came twice` });
    const others = Object.entries(failed).filter(([code]) => code !== 'DEADLINE_EXCEEDED');
    if (others.length > 0)
      violations.push({ kind: 'stream', what: `streams of ${courier} ended: ${others.map(([code, count]) => `${count} ${code}`).join(', ')}` });
  }
  return { streams, violations };
}

function addRead(tally: StreamTally, { opened, items, lost, repeated, failed }: Omit<Read, 'courier'>): void {
  tally.opened += opened;
  tally.items += items;
  tally.lost += lost;
  tally.repeated += repeated;
  for (const [code, count] of Object.entries(failed)) tally.failed[code] = (tally.failed[code] ?? 0) + count;
}

function sendingsOf({ name, sent }: CourierReport): Sending[] {
  return Object.entries(sent).map(([to, { upTo, uncertain, expired }]) => ({ from: name, to, upTo, atLeast: 0, uncertain, expired }));
}

/** What a takeover of a volatile courier excuses, because it was seen. */
class Excuses {
  private readonly gapsLeft: Map<string, number>;

  constructor(
    private readonly durability: Durability,
    private readonly observed: Observed,
  ) {
    this.gapsLeft = new Map(observed.gaps);
  }

  rolledBack(name: string): boolean {
    return this.durability === 'volatile' && (this.observed.restored.get(name) ?? 0) > 0;
  }

  /** Entries lost at this receiver; each `gap` counts once. */
  lost(to: string, entries: number): boolean {
    const left = this.gapsLeft.get(to) ?? 0;
    if (!this.rolledBack(to) || left < entries) return false;
    this.gapsLeft.set(to, left - entries);
    return true;
  }
}

function compare(sending: Sending, account: Account, excuses: Excuses, tally: Tally, violations: Violation[]): void {
  const { from, to, uncertain } = sending;
  const way = `${from} → ${to}`;
  const upTo = Math.max(sending.upTo ?? 0, sending.atLeast, sending.upTo === undefined ? account.last : 0);
  const missing = [...account.missing, ...numbersFrom(account.last + 1, upTo)].filter((number) => !uncertain.includes(number));
  tally.sent += upTo;
  tally.handled += account.handled;
  tally.lost += missing.length;
  tally.duplicated += account.duplicated;
  tally.reordered += account.reordered;
  tally.uncertain += uncertain.length;
  const tell = (kind: Violation['kind'], what: string) => void violations.push({ kind, what: `${way}: ${what}` });
  // A volatile sender that was rolled back may lose or repeat what it had sent (docs/protocol.md, Limits).
  if (missing.length > 0 && !excuses.rolledBack(from) && !excuses.lost(to, missing.length))
    tell('lost', `${missing.length} of ${upTo} entries never came: ${listed(missing)}`);
  if (account.duplicated > 0 && !excuses.rolledBack(from)) tell('duplicated', `${account.duplicated} entries came twice`);
  if (account.reordered > 0) tell('reordered', `${account.reordered} entries came after later ones`);
  if (account.last > upTo && !excuses.rolledBack(from)) tell('state', `entry ${account.last} came, ${upTo} were sent`);
  if (sending.expired > 0) tell('stuck', `${sending.expired} asks were not answered before their deadline`);
  const replayed = replay(from, to, account);
  if (replayed !== account.hash) tell('state', `hash ${account.hash} after ${account.handled} entries; the replay of what was sent has ${replayed}`);
}

/** The hash that the entries which came must have, in the order sent. */
function replay(from: string, to: string, { last, missing }: Account): number {
  let hash = 0;
  for (let number = 1; number <= last; number++) if (!missing.includes(number)) hash = chain(hash, number, valueFor(from, to, number));
  return hash;
}

function numbersFrom(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function listed(numbers: readonly number[]): string {
  return numbers.length > 8 ? `${numbers.slice(0, 8).join(', ')}, …` : numbers.join(', ');
}
