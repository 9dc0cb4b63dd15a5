import type { InspectActorResponse } from '#transports/connect/control';
import { one, parse } from './options.js';
import { jsonLine, printable, say, table } from './print.js';
import { answerMs, nodeOptions, nodeUsage, runningNode } from './running-node.js';

const usage = `godwit inspect ACTOR [options]

Looks into one actor of a running device or edge: where it is, its state, what it has handled of each sender and keeps for each receiver,
and the manifest of its module. The state is read between two turns; long and deep values are cut. An actor that is away is looked into where
it is: with --edge.

  ACTOR              address, such as robot-1/map; on its own device the name is enough: map
${nodeUsage}
  --json             one JSON object: actor, incarnation, durable, cursors, outboxes, openAsks, pendingAsks, timers, manifest, state
  --help             this text

Examples:
  godwit inspect map
  godwit inspect robot-1/map --edge http://127.0.0.1:7443 --key-file shared.key`;

/** `godwit inspect`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · what the node said */
export async function inspect(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({ args: [...args], allowPositionals: true, options: nodeOptions });
  if (values.help) return say(usage);
  const name = one(positionals, 'actor', 'godwit inspect map');
  const node = await runningNode(values);
  const actor = node.addressOf(name);
  const found = await node.call(answerMs, (options) => node.inspection.inspectActor({ actor }, options));
  return say(values.json ? jsonLine(found) : report(found).join('\n'));
}

function report(found: InspectActorResponse): string[] {
  const { actor, manifest, state, stateUnavailable, cursors, outboxes } = found;
  const facts = [
    ['actor', actor?.address ?? ''],
    ['definition', `${actor?.definition} v${actor?.version}${found.durable ? ', durable' : ''}`],
    ['node', actor?.node ?? ''],
    ['place', actor?.place === '' ? (actor.tier ?? '') : (actor?.place ?? '')],
    ['epoch', `${actor?.epoch}, incarnation ${found.incarnation}`],
    ['turns', `${actor?.turns}, ${actor?.mailboxRecords} records in its mailbox`],
    ['waiting', `${found.openAsks} asks for its answer, ${found.pendingAsks} of its own, ${found.timers} timers`],
    ['last stall', actor?.lastStallMs === undefined ? '-' : `${actor.lastStallMs.toFixed(1)} ms`],
    ['module', manifest === undefined ? 'the code of its node' : JSON.stringify(manifest)],
  ];
  const from = cursors.map((cursor) => [cursor.from, String(cursor.handled), String(cursor.accepted)]);
  const to = outboxes.map((outbox) => [outbox.to, String(outbox.sent), String(outbox.held)]);
  return [
    ...table(facts),
    ...(from.length === 0 ? [] : ['', ...table([['sender', 'handled', 'accepted'], ...from], [1, 2])]),
    ...(to.length === 0 ? [] : ['', ...table([['receiver', 'sent', 'kept'], ...to], [1, 2])]),
    '',
    printable(stateUnavailable === '' ? `state ${state}` : `state unavailable: ${stateUnavailable}`),
  ];
}
