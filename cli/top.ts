import { setTimeout as pause } from 'node:timers/promises';
import type { Actor, ListActorsResponse } from '#transports/connect/control';
import { exitOk } from './exit.js';
import { parse } from './options.js';
import { jsonLine, say, table } from './print.js';
import { answerMs, nodeOptions, nodeUsage, type RunningNode, runningNode } from './running-node.js';
import { listenForStop } from './stop.js';

const usage = `godwit top [options]

The actors of a running device or edge, once a second: where each is, its tier and epoch, the records in its mailbox, turns a second and the
stall of its last move. In a terminal it is drawn anew in place and ends with q or Ctrl-C; elsewhere a table follows a table. What only the
host of an actor knows is "-" while it is away.

  --once             one table, then it ends; without turns a second, which take two looks
${nodeUsage}
  --json             one JSON object a second: at, node, boot, actors
  --help             this text

Examples:
  godwit top
  godwit top --once --json
  godwit top --edge http://127.0.0.1:7443 --key-file shared.key

SIGINT or SIGTERM ends it in order, with exit code 0.`;

const everyMs = 1000;

/** One look at a node. */
interface Sample {
  readonly at: Date;
  readonly node: string;
  readonly boot: string;
  readonly actors: ReadonlyArray<Actor & { readonly turnsPerSecond: number | undefined }>;
}

/** `godwit top`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · what the node said, also when it ends */
export async function top(args: readonly string[]): Promise<number> {
  const { values } = parse({ args: [...args], options: { ...nodeOptions, once: { type: 'boolean', default: false } } });
  if (values.help) return say(usage);
  const node = await runningNode(values);
  const { signal: stop } = listenForStop();
  const screen = process.stdout.isTTY && !values.json && !values.once ? openScreen() : undefined;
  const signal = screen === undefined ? stop : AbortSignal.any([stop, screen.left]);
  try {
    for (let last: Sample | undefined; !signal.aborted; ) {
      last = await look(node, last, signal);
      if (screen !== undefined) screen.draw(linesOf(last));
      else say(values.json ? jsonLine(last) : `${linesOf(last).join('\n')}${values.once ? '' : '\n'}`);
      if (values.once) break;
      await pause(everyMs, undefined, { signal });
    }
  } catch (thrown) {
    // A question or a pause that was cut short.
    if (!signal.aborted) throw thrown;
  } finally {
    screen?.close();
  }
  return exitOk;
}

async function look(node: RunningNode, last: Sample | undefined, signal: AbortSignal): Promise<Sample> {
  const found: ListActorsResponse = await node.call(answerMs, (options) => node.inspection.listActors({}, { ...options, signal }));
  const at = new Date();
  const actors = found.actors.map((actor) => {
    const before = last?.actors.find(({ address, node: where }) => address === actor.address && where === actor.node)?.turns;
    const seconds = (at.getTime() - (last?.at.getTime() ?? 0)) / 1000;
    const known = before !== undefined && actor.turns !== undefined && seconds > 0;
    return { ...actor, turnsPerSecond: known ? Math.max(0, Number((actor.turns ?? 0n) - before) / seconds) : undefined };
  });
  return { at, node: found.node, boot: found.boot, actors };
}

function linesOf({ at, node, actors }: Sample): string[] {
  const rows = actors.map((actor) => [
    actor.address,
    `${actor.definition} v${actor.version}`,
    actor.node,
    actor.tier || '-',
    String(actor.epoch),
    String(actor.mailboxRecords ?? '-'),
    actor.turnsPerSecond?.toFixed(1) ?? '-',
    actor.lastStallMs?.toFixed(1) ?? '-',
  ]);
  const heads = ['actor', 'definition', 'node', 'tier', 'epoch', 'mailbox', 'turns/s', 'last stall ms'];
  return [`${node}  ${at.toISOString()}  ${actors.length} actors`, ...table([heads, ...rows], [4, 5, 6, 7])];
}

const alternateScreen = '\u001b[?1049h\u001b[?25l';
const formerScreen = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
const interrupt = '\u0003';

/** The terminal's second screen, which leaves what was there before untouched, also when the process is ended at once. */
function openScreen(): { readonly left: AbortSignal; draw(lines: readonly string[]): void; close(): void } {
  const { stdin, stdout } = process;
  const left = new AbortController();
  const listen = (typed: Buffer) => {
    if (/q/i.test(typed.toString()) || typed.includes(interrupt)) left.abort();
  };
  const restore = () => void stdout.write(formerScreen);
  if (stdin.isTTY) stdin.setRawMode(true).on('data', listen);
  stdout.write(alternateScreen);
  process.once('exit', restore);
  return {
    left: left.signal,
    draw(lines) {
      const shown = lines.slice(0, stdout.rows - 1).map((line) => `${line.slice(0, stdout.columns)}${clearLine}\n`);
      stdout.write(`${home}${shown.join('')}${clearBelow}`);
    },
    close() {
      if (stdin.isTTY) stdin.removeListener('data', listen).setRawMode(false).pause();
      process.removeListener('exit', restore);
      restore();
    },
  };
}
