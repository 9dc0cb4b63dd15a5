// What travels between couriers, and its accounts. Used inside actors on every tier, so ECMAScript only.

/** One numbered record of a sender to a receiver. Its value follows from its number, so a replay needs no copy of what was sent. */
export interface Entry {
  readonly from: string;
  /** From 1, without a gap, for each pair of sender and receiver. */
  readonly number: number;
  readonly value: number;
}

/** A receiver's account of one sender: part of its state, so it moves, is captured and rolled back with it. */
export interface Account {
  /** Highest number that came. */
  last: number;
  /** Entries that came for the first time. */
  handled: number;
  /** Entries that had come before. */
  duplicated: number;
  /** Entries that came after a higher number. */
  reordered: number;
  /** Numbers below `last` that have not come; the first {@link maxMissing} of them. */
  missing: number[];
  /** Hash over the entries in the order in which they first came. */
  hash: number;
}

/** Numbers an account remembers as missing: enough to name them, few enough to travel. */
const maxMissing = 1000;

export function openAccount(): Account {
  return { last: 0, handled: 0, duplicated: 0, reordered: 0, missing: [], hash: 0 };
}

/** Enters what came. */
export function enter(account: Account, { number, value }: Entry): void {
  if (number > account.last) {
    for (let missing = account.last + 1; missing < number && account.missing.length < maxMissing; missing++) account.missing.push(missing);
    account.last = number;
  } else if (account.missing.includes(number)) {
    account.reordered += 1;
    account.missing = account.missing.filter((missing) => missing !== number);
  } else {
    account.duplicated += 1;
    return;
  }
  account.handled += 1;
  account.hash = chain(account.hash, number, value);
}

/** The hash after one more entry. */
export function chain(hash: number, number: number, value: number): number {
  return mix(mix(hash ^ number) ^ value);
}

/** The value of entry `number` from one to another. */
export function valueFor(from: string, to: string, number: number): number {
  let hash = number;
  for (const character of `${from} ${to}`) hash = mix(hash ^ (character.codePointAt(0) ?? 0));
  return hash;
}

/** A permutation of 32 bits. @see murmur3's finalizer, https://github.com/aappleby/smhasher/wiki/MurmurHash3 */
function mix(bits: number): number {
  let mixed = bits ^ (bits >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
