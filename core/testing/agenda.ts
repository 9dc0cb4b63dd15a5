import type { Life } from './life.js';

/** What comes due: a timer of a node's clock, something on a link, an answer of a disk. */
export type DueKind = 'timer' | 'link' | 'disk';

/** Something that happens at a time. */
export class Due {
  constructor(
    public atUs: number,
    public sequence: number,
    /** On whose processor it happens; undefined: nobody's, it happens in the network. */
    readonly life: Life | undefined,
    readonly kind: DueKind,
    /** Undefined once cancelled. */
    public task: (() => void) | undefined,
  ) {}
}

/** What is due in a world, first by time and then in the order in which it was added: a binary heap. */
export class Agenda {
  private readonly heap: Due[] = [];
  private sequence = 0;
  private overdue = Number.MIN_SAFE_INTEGER;

  get length(): number {
    return this.heap.length;
  }

  /** Adds it behind everything of its time. */
  add(due: Due): void {
    due.sequence = this.sequence++;
    this.insert(due);
  }

  /** Adds what should have happened before: it comes before everything of its time but what was added so earlier. */
  addOverdue(due: Due): void {
    due.sequence = this.overdue++;
    this.insert(due);
  }

  peek(): Due | undefined {
    return this.heap[0];
  }

  shift(): Due | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }

  private insert(due: Due): void {
    const { heap } = this;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent], due)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = due;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence);
}
