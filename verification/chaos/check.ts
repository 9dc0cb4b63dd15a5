// Sent against handled: what every receiver's account must say of what every sender sent.
import type { Durability } from '#core';
import type { CourierReport } from './courier.js';
import { type Account, chain, openAccount, valueFor } from './entry.js';

/** What somebody sent to one courier. */
export interface Sending {
  readonly from: string;
  readonly to: string;
  /** Number of the last entry; undefined if the sender died with what it knew. */
  readonly upTo: number | undefined;
  /** Number of the last entry that was acknowledged by an answer. */
  readonly atLeast: number;
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
  readonly kind: 'lost' | 'duplicated' | 'reordered' | 'state' | 'answer' | 'takeover' | 'process' | 'stuck';
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
  if (missing.length > 0 && !excuses.lost(to, missing.length)) tell('lost', `${missing.length} of ${upTo} entries never came: ${listed(missing)}`);
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
