// What the tests of migration share: edges in other processes, and the one assertion that an actor really moved.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { type ActorInfo, GodwitError, type MoveReport, type NodeEvent, type Ref, type Tier } from '#core';
import { type Device, startDevice } from '#device-node';
import { bundler } from '#toolchain';
import type { EdgeNews, EdgeOrder } from './fixtures/edge-process.js';
import type { Ledger } from './fixtures/ledger.js';
import { createWorld, type World, type WorldEvent } from './fixtures/world.js';

const program = fileURLToPath(new URL('./fixtures/edge-process.js', import.meta.url));
export const key = 'a-key-for-the-tests-of-migration';

// ── Places ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A node and the process it is in. */
export interface Host {
  readonly name: string;
  readonly pid: number;
}

type Place = Pick<ActorInfo, 'tier' | 'place'>;

/** Process and thread of a place of execution as its runtime describes it: native code runs on the main thread. */
function threadFrom({ tier, place }: Place): { readonly process: number; readonly thread: string } {
  const match = /^(?:native \(|script \(QuickJS in Wasm, worker (thread \d+) of )process (\d+)\)$/.exec(place ?? '');
  if (match === null) throw new GodwitError('INTERNAL', `'${place}' is no place of tier ${tier} that this test knows`);
  return { process: Number(match[2]), thread: `${match[1] ?? 'main thread'} of process ${match[2]}` };
}

/** As {@link assertMoved}, of hosts that may both run it on the script tier. */
function assertPassedOn(t: ExecutionContext, report: MoveReport, from: Host, to: Host): void {
  const [left, came] = [threadFrom(report.from), threadFrom(report.to)];
  t.deepEqual([report.from.node, left.process], [from.name, from.pid]);
  t.deepEqual([report.to.node, came.process], [to.name, to.pid]);
  t.not(came.thread, left.thread);
  t.is(report.stateHash.before, report.stateHash.after);
}

/** An actor moved from one host to another: another thread runs it there, in the process that it should be, on another tier; and its state is kept. */
export function assertMoved(t: ExecutionContext, report: MoveReport, from: Host, to: Host): void {
  assertPassedOn(t, report, from, to);
  t.not(report.to.tier, report.from.tier);
}

/**
 * {@link assertMoved} between processes, and the actor itself finds so: its host is the other process, its engine the other tier.
 * @param tier of both hosts, where it is the same
 */
export async function assertMigrated(t: ExecutionContext, ledger: Ref<typeof Ledger.on>, report: MoveReport, from: Host, to: Host, tier?: Tier): Promise<void> {
  (tier === undefined ? assertMoved : assertPassedOn)(t, report, from, to);
  if (tier !== undefined) t.deepEqual([report.from.tier, report.to.tier], [tier, tier]);
  t.not(threadFrom(report.to).process, threadFrom(report.from).process);
  t.deepEqual(await ledger.where(), { process: to.pid, tier: report.to.tier });
}

/** The actor runs at this host on this tier, by what the host lists and by what the actor itself finds. @returns its place */
export async function assertAt(t: ExecutionContext, ledger: Ref<typeof Ledger.on>, host: MigrationHost, tier: Tier): Promise<string> {
  t.deepEqual(await ledger.where(), { process: host.pid, tier });
  const found = (await host.actors()).find(({ address, status }) => address === ledger.$address && status === 'here');
  t.is(found?.tier, tier);
  t.is(threadFrom({ tier, place: found?.place }).process, host.pid);
  return found?.place ?? '';
}

// ── Load ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Asks without a pause, never with more than `depth` asks unanswered. */
export function load(ledger: Ref<typeof Ledger.on>, depth = 200) {
  const answers: Array<Promise<number>> = [];
  let running = true;
  const asking = (async () => {
    while (running) {
      answers.push(ledger.put(answers.length + 1, { timeoutMs: 30_000 }));
      // A test that failed closes its device under this load: what the load then hears must not hide why the test failed.
      answers.at(-1)?.catch(() => undefined);
      if (answers.length % 5 === 0) await pause(0);
      await answers[answers.length - depth];
    }
  })();
  asking.catch(() => undefined);
  return {
    answers,
    /** Resolves when an ask that is sent after this call is answered. */
    async another() {
      const next = answers.length;
      while (running && answers.length <= next) await Promise.race([pause(0), asking]);
      await answers[next];
    },
    async stop() {
      running = false;
      await asking;
      return Promise.all(answers);
    },
  };
}

// ── Hosts ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What happens somewhere. */
class Events<E extends { readonly type: string }> {
  private readonly past: E[] = [];
  private readonly waiting = new Set<() => void>();

  readonly add = (event: E): void => {
    this.past.push(event);
    for (const look of [...this.waiting]) look();
  };

  /** The first event of a type, past or to come, for which `holds`. */
  first<T extends E['type']>(type: T, holds?: (event: Extract<E, { type: T }>) => boolean): Promise<Extract<E, { type: T }>> {
    return this.after(0, type, holds);
  }

  /** As {@link first}, of those to come. */
  next<T extends E['type']>(type: T, holds?: (event: Extract<E, { type: T }>) => boolean): Promise<Extract<E, { type: T }>> {
    return this.after(this.past.length, type, holds);
  }

  private after<T extends E['type']>(start: number, type: T, holds: (event: Extract<E, { type: T }>) => boolean = () => true) {
    return new Promise<Extract<E, { type: T }>>((resolve) => {
      const look = () => {
        const found = this.past.slice(start).find((event): event is Extract<E, { type: T }> => event.type === type && holds(event as Extract<E, { type: T }>));
        if (found === undefined) return;
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }
}

/** A host of a migration test, in this process or another. */
export interface MigrationHost extends Host {
  readonly events: Events<EdgeNews>;
  actors(): Promise<readonly ActorInfo[]>;
  /** Ends the holds of actors there. */
  letGo(): void;
}

export interface EdgeProcess extends MigrationHost {
  readonly url: string;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process is gone. */
  readonly gone: Promise<unknown>;
}

export interface TestDevice extends MigrationHost {
  readonly device: Device;
  readonly offload: Device['offload'];
}

/** `url`: what it says of itself to devices. `native`: it trusts the ledger. */
type EdgeOptions = Pick<Extract<EdgeOrder, { type: 'start' }>, 'port' | 'url' | 'native'>;

/** Starts an edge in another process; it ends with its test. */
export async function edgeProcess(t: ExecutionContext, name = 'edge-1', more: EdgeOptions = {}): Promise<EdgeProcess> {
  const child = fork(program, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const events = new Events<EdgeNews>();
  child.on('message', events.add);
  const order = (message: EdgeOrder) => void child.send(message);
  let lists = 0;
  order({ type: 'start', name, key, ...more });
  const failed = gone.then(([code]) => {
    throw new GodwitError('UNAVAILABLE', `the process of ${name} ended with exit code ${code} before it listened`);
  });
  const { url } = await Promise.race([events.first('listening'), failed]);
  // It may end later: a test kills it.
  failed.catch(() => undefined);
  return {
    name,
    pid: child.pid as number,
    url,
    events,
    gone,
    signal: (signal) => void child.kill(signal),
    letGo: () => order({ type: 'letGo' }),
    async actors() {
      const number = ++lists;
      order({ type: 'list', number });
      return (await events.first('actors', (answer) => answer.number === number)).actors;
    },
  };
}

/** Starts a device in this process, which keeps links to the edges; it ends with its test. */
export async function deviceHere(t: ExecutionContext, edges: readonly EdgeProcess[], name = 'robot-1'): Promise<TestDevice> {
  const events = new Events<NodeEvent | WorldEvent>() as Events<EdgeNews>;
  const world: World = createWorld(`only-${name}`, events.add);
  const device = await startDevice({ name, key, edges: edges.map(({ url }) => url), modules: bundler(), hostFunctions: world.hostFunctions });
  t.teardown(() => device.close());
  device.node.observe(events.add);
  return { name, pid: process.pid, device, offload: device.offload, events, actors: async () => device.node.actors(), letGo: world.letGo };
}
