/**
 * First-in first-out queue in a ring that doubles when full. Nothing is allocated before the first push: an idle actor costs no slots.
 *
 *     head ─┐        ┌─ tail
 *     [ . . a b c d  .  . ]
 */
export class Ring<T> {
  private slots: Array<T | undefined> | undefined;
  private head = 0;
  private tail = 0;
  private mask = 0;

  get length(): number {
    return (this.tail - this.head) & this.mask;
  }

  push(value: T): void {
    let slots = this.slots;
    if (slots === undefined) {
      slots = this.slots = new Array<T | undefined>(firstSlots).fill(undefined);
      this.mask = firstSlots - 1;
    }
    slots[this.tail] = value;
    this.tail = (this.tail + 1) & this.mask;
    if (this.tail === this.head) this.grow(slots);
  }

  shift(): T | undefined {
    if (this.head === this.tail || this.slots === undefined) return undefined;
    const value = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & this.mask;
    return value;
  }

  /** Takes the last value back. */
  pop(): T | undefined {
    if (this.head === this.tail || this.slots === undefined) return undefined;
    this.tail = (this.tail - 1) & this.mask;
    const value = this.slots[this.tail];
    this.slots[this.tail] = undefined;
    return value;
  }

  peek(): T | undefined {
    return this.head === this.tail ? undefined : this.slots?.[this.head];
  }

  /** The value `index` places behind the head; undefined beyond the end. */
  at(index: number): T | undefined {
    return index < this.length ? this.slots?.[(this.head + index) & this.mask] : undefined;
  }

  /** Everything, in order; the ring is empty afterwards. */
  drain(): T[] {
    const all = [...this];
    this.slots = undefined;
    this.head = this.tail = this.mask = 0;
    return all;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.length; index++) yield this.at(index) as T;
  }

  private grow(slots: Array<T | undefined>): void {
    const count = slots.length;
    const grown = new Array<T | undefined>(count * 2).fill(undefined);
    for (let index = 0; index < count; index++) grown[index] = slots[(this.head + index) & this.mask];
    this.slots = grown;
    this.head = 0;
    this.tail = count;
    this.mask = count * 2 - 1;
  }
}

/** A power of two; small, because most actors never hold more than a few records. */
const firstSlots = 8;
