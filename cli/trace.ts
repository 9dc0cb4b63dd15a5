import type { TraceEventsResponse } from '#transports/connect/control';
import { exitOk } from './exit.js';
import { parse } from './options.js';
import { jsonLine, printable, say } from './print.js';
import { nodeOptions, nodeUsage, runningNode } from './running-node.js';
import { listenForStop } from './stop.js';

const usage = `godwit trace [options]

Writes what happens on a running device or edge, a line an event, until it is ended: links, moves with their stall, takeovers, dead letters,
turns that failed. The first line, of type tracing, says that nothing is missed from there on.

  --actor ACTOR      only what concerns this actor and its children; an address, or the name on its device
  --type TYPE        only events of this type, such as moved or dead-letter; may be repeated
${nodeUsage}
  --json             one JSON object a line: at, type, actor, and what else there is to say
  --help             this text

Examples:
  godwit trace
  godwit trace --actor map --type moved --type move-failed --json
  godwit trace --edge http://127.0.0.1:7443 --key-file shared.key

SIGINT or SIGTERM ends it in order, with exit code 0; the end of the device or edge with 4.`;

/** `godwit trace`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · what the node said, also when it ends */
export async function trace(args: readonly string[]): Promise<number> {
  const options = { ...nodeOptions, actor: { type: 'string' }, type: { type: 'string', multiple: true } } as const;
  const { values } = parse({ args: [...args], options });
  if (values.help) return say(usage);
  const node = await runningNode(values);
  const request = { actor: values.actor === undefined ? '' : node.addressOf(values.actor), types: values.type ?? [] };
  const { signal } = listenForStop();
  for await (const event of node.stream(signal, (until) => node.inspection.traceEvents(request, until))) say(values.json ? jsonOf(event) : lineOf(event));
  return exitOk;
}

function jsonOf({ atMs, type, actor, fields }: TraceEventsResponse): string {
  return jsonLine({ at: new Date(atMs).toISOString(), type, ...(actor === '' ? {} : { actor }), ...fields });
}

function lineOf({ atMs, type, actor, fields }: TraceEventsResponse): string {
  const what = [new Date(atMs).toISOString().slice(11, 23), type.padEnd(11), actor, ...flat(fields ?? {}, '')];
  return printable(what.filter((part) => part !== '').join('  ')).replaceAll('\n', '\\n');
}

/** `to.node=edge-1`, for every value in it. */
function flat(fields: object, path: string): string[] {
  return Object.entries(fields).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null
      ? flat(value, `${path}${name}.`)
      : [`${path}${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
}
