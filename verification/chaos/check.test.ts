import test from 'ava';
import type { Durability } from '#core';
import { check, checkReads, type Observed, type Sending, type Violation } from './check.js';
import type { CourierReport } from './courier.js';
import { type Account, enter, openAccount, valueFor } from './entry.js';
import { createRead, enterItem, type Read } from './reader.js';

const nothing: Observed = { restored: new Map(), gaps: new Map() };
const five: Sending = { from: 'app', to: 'b', upTo: 5, atLeast: 5, uncertain: [], expired: 0 };

function accountOf(numbers: readonly number[], from = 'app'): Account {
  const account = openAccount();
  for (const number of numbers) enter(account, { from, number, value: valueFor(from, 'b', number) });
  return account;
}

const reportOf = (accounts: CourierReport['accounts'], sent: CourierReport['sent'] = {}): CourierReport => ({ name: 'b', sent, accounts });

/** The kinds of what is found when the app sent five entries and these came. */
function found(
  numbers: readonly number[],
  { durability = 'durable', observed = nothing, sending = five }: { durability?: Durability; observed?: Observed; sending?: Sending } = {},
): Array<Violation['kind']> {
  return check(durability, [reportOf({ app: accountOf(numbers) })], [sending], observed).violations.map(({ kind }) => kind);
}

test('check: finds nothing where everything came once and in order', (t) => {
  const { tally, violations } = check('durable', [reportOf({ app: accountOf([1, 2, 3, 4, 5]) })], [five], nothing);

  t.deepEqual(violations, []);
  t.deepEqual(tally, { sent: 5, handled: 5, lost: 0, duplicated: 0, reordered: 0, uncertain: 0 });
});

test('check: finds a lost entry, in the middle, at the end, and all of them', (t) => {
  t.deepEqual(found([1, 2, 4, 5]), ['lost']);
  t.deepEqual(found([1, 2, 3, 4]), ['lost']);
  t.deepEqual(found([]), ['lost']);
});

test('check: finds a duplicated entry', (t) => {
  t.deepEqual(found([1, 2, 2, 3, 4, 5]), ['duplicated']);
});

test('check: finds a reordered entry, and that the state is not that of the order sent', (t) => {
  t.deepEqual(found([1, 3, 2, 4, 5]), ['reordered', 'state']);
});

test('check: finds a state that does not follow from what was sent', (t) => {
  const account = accountOf([1, 2, 3, 4, 5]);
  account.hash ^= 1;

  t.deepEqual(
    check('durable', [reportOf({ app: account })], [five], nothing).violations.map(({ kind }) => kind),
    ['state'],
  );
});

test('check: finds what nobody sent', (t) => {
  t.deepEqual(found([1, 2, 3, 4, 5, 6]), ['state']);
  t.deepEqual(
    check('durable', [reportOf({ app: accountOf([1, 2, 3, 4, 5]), ghost: accountOf([1], 'ghost') })], [five], nothing).violations.map(({ kind }) => kind),
    ['state'],
  );
});

test('check: finds an ask that was answered with another number', (t) => {
  const report = reportOf({ app: accountOf([1, 2, 3, 4, 5]) }, { b: { upTo: 0, uncertain: [], expired: 0, wrongAnswers: 1 } });

  t.deepEqual(
    check('durable', [report], [five], nothing).violations.map(({ kind }) => kind),
    ['answer'],
  );
});

test('check: an ask that ended with an error may have been handled or not', (t) => {
  const sending = { ...five, uncertain: [3] };

  t.deepEqual(found([1, 2, 3, 4, 5], { sending }), []);
  t.deepEqual(found([1, 2, 4, 5], { sending }), []);
  t.deepEqual(found([1, 2, 4], { sending }), ['lost']);
});

test('check: an ask that nobody answered is never right', (t) => {
  t.deepEqual(found([1, 2, 3, 4, 5], { sending: { ...five, uncertain: [3], expired: 1 } }), ['stuck']);
});

test('check: of a sender that died, what was acknowledged must have come, and whatever came, in order', (t) => {
  const sending = { ...five, upTo: undefined, atLeast: 3 };

  t.deepEqual(found([1, 2, 3], { sending }), []);
  t.deepEqual(found([1, 2, 3, 4], { sending }), []);
  t.deepEqual(found([1, 2], { sending }), ['lost']);
  t.deepEqual(found([1, 3, 2], { sending }), ['reordered', 'state']);
});

test('check: a takeover excuses a volatile courier only as far as it was observed, and a durable one never', (t) => {
  const observed = { restored: new Map([['b', 1]]), gaps: new Map([['b', 1]]) };

  t.deepEqual(found([1, 2, 4, 5], { durability: 'volatile', observed }), []);
  t.deepEqual(found([1, 4, 5], { durability: 'volatile', observed }), ['lost']);
  t.deepEqual(found([1, 2, 4, 5], { durability: 'volatile' }), ['lost']);
  t.deepEqual(found([1, 2, 4, 5], { observed }), ['lost']);
});

test('check: a volatile sender that was rolled back may send again what it had sent, or lose it', (t) => {
  const observed = { restored: new Map([['app', 1]]), gaps: new Map() };

  t.deepEqual(found([1, 2, 3, 4, 5, 4, 5], { durability: 'volatile', observed }), []);
  t.deepEqual(found([1, 2, 3, 5], { durability: 'volatile', observed }), []);
  t.deepEqual(found([1, 2, 3, 4, 5, 4, 5], { observed }), ['duplicated']);
  t.deepEqual(found([1, 2, 3, 5], { observed }), ['lost']);
});

/** What an application read whose only stream of `b` brought these items. */
function readOf(items: readonly number[], failed: Read['failed'] = {}): Read {
  const read: Read = { ...createRead('b'), opened: 1, failed };
  let next = 1;
  for (const item of items) next = enterItem(read, next, item);
  return read;
}

test('check: items of a stream come in order, each once, and a stream ends by its last', (t) => {
  const kinds = (read: Read) => checkReads('durable', [read], nothing).violations.map(({ kind }) => kind);

  t.deepEqual(kinds(readOf([1, 2, 3])), []);
  t.deepEqual(kinds(readOf([1, 3])), ['stream']);
  t.deepEqual(kinds(readOf([1, 2, 2, 3])), ['stream']);
  t.deepEqual(kinds(readOf([1], { ABORTED: 1 })), ['stream']);
  t.deepEqual(kinds(readOf([1], { DEADLINE_EXCEEDED: 1 })), ['stuck']);
});

test('check: the streams of all lives of an application are counted together', (t) => {
  const { streams } = checkReads('durable', [readOf([1, 2]), readOf([1, 3, 3], { ABORTED: 2 })], nothing);

  t.deepEqual(streams, { opened: 2, items: 4, lost: 1, repeated: 1, failed: { ABORTED: 2 } });
});

test('check: a takeover excuses the streams of a volatile courier', (t) => {
  const observed = { restored: new Map([['b', 1]]), gaps: new Map() };

  t.deepEqual(checkReads('volatile', [readOf([1, 3], { ABORTED: 1 })], observed).violations, []);
  t.is(checkReads('volatile', [readOf([1, 3])], nothing).violations.length, 1);
});
