/**
 * Values by ascending numbers, most of them gone soon after they came: what waits for an answer. A table of slots, `number` modulo its
 * length; what stays so long that its slot is wanted again moves to a map. A map alone costs asks two thirds of their rate: under such
 * churn it is copied every few hundred entries, and each copy left behind keeps dead entries alive until the next full collection.
 *
 * Nothing is allocated before the first value. The slots are kept until `clear`.
 */
export class Numbered<T extends object> {
  private slots: Array<T | undefined> = noSlots;
  private numbers: number[] = noNumbers;
  private mask = 0;
  private used = 0;
  private readonly stragglers = new Map<number, T>();

  get(number: number): T | undefined {
    const at = number & this.mask;
    if (this.numbers[at] === number) return this.slots[at];
    return this.stragglers.size === 0 ? undefined : this.stragglers.get(number);
  }

  has(number: number): boolean {
    return this.get(number) !== undefined;
  }

  /** @param number an integer, not in use */
  set(number: number, value: T): void {
    if (this.slots.length === 0) this.resize(firstSlots);
    const at = number & this.mask;
    const occupant = this.slots[at];
    if (occupant !== undefined) {
      if (this.used * 2 >= this.slots.length) {
        this.resize(this.slots.length * 2);
        this.set(number, value);
        return;
      }
      this.stragglers.set(this.numbers[at], occupant);
      this.used -= 1;
    }
    this.slots[at] = value;
    this.numbers[at] = number;
    this.used += 1;
  }

  /** @returns false if there was none */
  delete(number: number): boolean {
    const at = number & this.mask;
    if (this.numbers[at] !== number || this.slots[at] === undefined) return this.stragglers.delete(number);
    this.slots[at] = undefined;
    this.used -= 1;
    return true;
  }

  clear(): void {
    this.slots = noSlots;
    this.numbers = noNumbers;
    this.mask = this.used = 0;
    this.stragglers.clear();
  }

  get size(): number {
    return this.used + this.stragglers.size;
  }

  /** All of them, in no particular order. */
  *values(): IterableIterator<T> {
    yield* this.stragglers.values();
    for (const value of this.slots) if (value !== undefined) yield value;
  }

  /** Numbers with slots of their own keep them when the length doubles. */
  private resize(length: number): void {
    const { slots, numbers } = this;
    this.slots = new Array<T | undefined>(length).fill(undefined);
    this.numbers = new Array<number>(length).fill(-1);
    this.mask = length - 1;
    for (const [index, value] of slots.entries()) {
      if (value === undefined) continue;
      const number = numbers[index];
      this.slots[number & this.mask] = value;
      this.numbers[number & this.mask] = number;
    }
  }
}

/** A power of two. */
const firstSlots = 8;
// Shared by all that are empty; never written.
const noSlots: never[] = [];
const noNumbers: never[] = [];
