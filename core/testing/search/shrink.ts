import type { Violation } from './history.js';
import type { Operation, Schedule } from './schedule.js';

/** Tries schedules that do less, as long as one still fails the same way. */
export interface Shrunk {
  readonly schedule: Schedule;
  readonly violations: readonly Violation[];
  readonly tries: number;
}

/**
 * The least of a schedule that still breaks the invariant it broke: operations are left out, half of them first, then fewer, then single ones,
 * until none can be spared; then what is left is made plainer.
 * @param fails plays a schedule @param maxTries plays at most so many
 * @see Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002, §3 (ddmin)
 */
export async function shrink(
  schedule: Schedule,
  violations: readonly Violation[],
  fails: (schedule: Schedule) => Promise<readonly Violation[]>,
  maxTries: number,
): Promise<Shrunk> {
  const invariant = violations[0]?.invariant;
  let best: Shrunk = { schedule, violations, tries: 0 };
  let tries = 0;
  const attempt = async (operations: readonly Operation[]): Promise<boolean> => {
    if (tries >= maxTries) return false;
    tries += 1;
    const candidate = { ...schedule, operations };
    const found = await fails(candidate);
    if (found[0]?.invariant !== invariant) return false;
    best = { schedule: candidate, violations: found, tries };
    return true;
  };
  for (let isSmaller = true; isSmaller && tries < maxTries; ) {
    isSmaller = await leaveOut(() => best.schedule.operations, attempt);
    isSmaller = (await makePlainer(() => best.schedule.operations, attempt)) || isSmaller;
  }
  return { ...best, tries };
}

type Attempt = (operations: readonly Operation[]) => Promise<boolean>;

async function leaveOut(present: () => readonly Operation[], attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (let size = Math.ceil(present().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < present().length; ) {
      const operations = present();
      if (await attempt([...operations.slice(0, at), ...operations.slice(at + size)])) isSmaller = true;
      else at += size;
    }
  }
  return isSmaller;
}

async function makePlainer(present: () => readonly Operation[], attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (let at = 0; at < present().length; at++) {
    const operations = present();
    const plain = plainer(operations[at]);
    if (plain !== undefined && (await attempt([...operations.slice(0, at), plain, ...operations.slice(at + 1)]))) isSmaller = true;
  }
  return isSmaller;
}

function plainer(operation: Operation): Operation | undefined {
  if (operation.type !== 'tell' && operation.type !== 'ask') return undefined;
  if (operation.steps.length > 0) {
    const [first] = operation.steps;
    return { ...operation, steps: operation.steps.length > 1 && first !== undefined ? [first] : [] };
  }
  return operation.type === 'tell' && operation.count > 1 ? { ...operation, count: 1 } : undefined;
}
