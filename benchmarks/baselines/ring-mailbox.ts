// The least that can be called a mailbox: a ring, drained in a microtask, with the same yield budget as ours. No numbers, no cursors,
// no refs, no supervision, no deadlines, no moving.

/** Messages handled in one go before I/O has its chance: as many as core's scheduler takes. */
const yieldBudget = 4096;
const firstSlots = 1024;

/** A handler with a queue in front of it. A throw is swallowed, as a mailbox must survive it. */
export class RingMailbox<T> {
  private slots: Array<T | undefined> = new Array<T | undefined>(firstSlots).fill(undefined);
  private head = 0;
  private tail = 0;
  private mask = firstSlots - 1;
  private scheduled = false;
  failed: unknown;
  private readonly drainTask = () => this.drain();

  constructor(private readonly handle: (message: T) => void) {}

  tell(message: T): void {
    this.slots[this.tail] = message;
    this.tail = (this.tail + 1) & this.mask;
    if (this.tail === this.head) this.grow();
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(this.drainTask);
  }

  private drain(): void {
    for (let budget = yieldBudget; budget > 0 && this.head !== this.tail; budget--) {
      const message = this.slots[this.head] as T;
      this.slots[this.head] = undefined;
      this.head = (this.head + 1) & this.mask;
      try {
        this.handle(message);
      } catch (thrown) {
        this.failed = thrown;
      }
    }
    if (this.head !== this.tail) setImmediate(this.drainTask);
    else this.scheduled = false;
  }

  private grow(): void {
    const count = this.slots.length;
    const grown = new Array<T | undefined>(count * 2).fill(undefined);
    for (let index = 0; index < count; index++) grown[index] = this.slots[(this.head + index) & this.mask];
    this.slots = grown;
    this.head = 0;
    this.tail = count;
    this.mask = count * 2 - 1;
  }
}
