// The Inspection service of a node, on a device and on an edge alike: what is there, what is in it, what happens. It changes nothing.
import { inspect } from 'node:util';
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { type ActorInfo, type Cancel, type Clock, GodwitError, type Node, type NodeEvent } from '#core';
import {
  type ActorSchema,
  type InspectActorResponseSchema,
  Inspection,
  type TraceEventsRequest,
  type TraceEventsResponseSchema,
} from './gen/godwit/control/v1/inspection_pb.js';

/** What the Inspection service looks into. @public */
export interface InspectionOptions {
  readonly node: Node;
  readonly clock: Clock;
  /** Actors of this home that are elsewhere; default: none are known. */
  readonly away?: () => ReadonlyArray<{ readonly actor: string; readonly definition: string; readonly version: number; readonly host: string }>;
}

/** Events kept for a caller who does not read them; later ones are counted. */
const maxUnreadEvents = 1024;
/** How long a state waits for the running turn to end. */
const stateMs = 2000;
const maxStateLength = 20_000;
/** Actors whose last stall is remembered. */
const maxStalls = 4096;

/** Every type of event: a filter may name these. */
const eventTypes: Readonly<Record<NodeEvent['type'], true>> = {
  'link-up': true,
  'link-down': true,
  moved: true,
  'move-failed': true,
  arrived: true,
  checkpoint: true,
  restored: true,
  reexecuted: true,
  diverged: true,
  gap: true,
  'dead-letter': true,
  'turn-failed': true,
  stopped: true,
};

/** Watches the node from now on. @returns what registers the service @public */
export function createInspection({ node, clock, away = () => [] }: InspectionOptions): (router: ConnectRouter) => void {
  const stalls = new Map<string, number>();
  node.observe((event) => {
    if (event.type === 'stopped') stalls.delete(event.actor);
    if (event.type !== 'moved') return;
    stalls.set(event.report.actor, event.report.stallMs);
    const [oldest] = stalls.keys();
    if (stalls.size > maxStalls && oldest !== undefined) stalls.delete(oldest);
  });
  const stallOf = (actor: string) => {
    const lastStallMs = stalls.get(actor);
    return lastStallMs === undefined ? {} : { lastStallMs };
  };
  const here = (info: ActorInfo): MessageInitShape<typeof ActorSchema> => ({
    address: info.address,
    definition: info.definition,
    version: info.version,
    node: info.node,
    tier: info.tier ?? '',
    place: info.place ?? '',
    epoch: BigInt(info.epoch),
    turns: BigInt(info.turns),
    mailboxRecords: BigInt(info.mailboxRecords),
    ...stallOf(info.address),
  });
  const elsewhere = ({ actor, definition, version, host }: ReturnType<typeof away>[number]): MessageInitShape<typeof ActorSchema> => {
    const where = node.where(actor);
    return { address: actor, definition, version, node: where?.node ?? host, tier: where?.tier ?? '', epoch: BigInt(where?.epoch ?? 0), ...stallOf(actor) };
  };
  return (router) =>
    router.service(Inspection, {
      listActors() {
        const actors = node.actors();
        const addresses = new Set(actors.map(({ address }) => address));
        return {
          node: node.name,
          boot: node.boot,
          actors: [...actors.map(here), ...away().flatMap((offload) => (addresses.has(offload.actor) ? [] : [elsewhere(offload)]))],
        };
      },
      inspectActor: async ({ actor }) => inspectActor(node, clock, actor, here),
      traceEvents: (request, context) => traceEvents(node, request, context),
    });
}

async function inspectActor(
  node: Node,
  clock: Clock,
  address: string,
  here: (info: ActorInfo) => MessageInitShape<typeof ActorSchema>,
): Promise<MessageInitShape<typeof InspectActorResponseSchema>> {
  const details = node.inspect(address);
  if (details === undefined) {
    const where = node.where(address)?.node;
    if (where === undefined || where === node.name) throw new GodwitError('NOT_FOUND', `there is no actor ${address.slice(0, 200)} on node ${node.name}`);
    throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is on node ${where}: only that can look into it`);
  }
  const { manifest, cursors, outboxes } = details;
  return {
    actor: here(details),
    incarnation: BigInt(details.incarnation),
    durable: details.durable,
    cursors: cursors.map(({ from, handled, accepted }) => ({ from, handled: BigInt(handled), accepted: BigInt(accepted) })),
    outboxes: outboxes.map(({ to, sent, held }) => ({ to, sent: BigInt(sent), held: BigInt(held) })),
    openAsks: BigInt(details.openAsks),
    pendingAsks: BigInt(details.pendingAsks),
    timers: BigInt(details.timers),
    ...(manifest === undefined ? {} : { manifest: jsonFrom(manifest) }),
    ...(await stateOf(node, clock, address)),
  };
}

async function stateOf(node: Node, clock: Clock, address: string): Promise<{ readonly state: string } | { readonly stateUnavailable: string }> {
  let cancel: Cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(stateMs, () => reject(new GodwitError('DEADLINE_EXCEEDED', `its running turn did not end within ${stateMs} ms`)));
  });
  try {
    const text = inspect(await Promise.race([node.stateOf(address), late]), {
      depth: 6,
      maxArrayLength: 100,
      maxStringLength: 1000,
      breakLength: 120,
      customInspect: false,
    });
    return { state: text.length > maxStateLength ? `${text.slice(0, maxStateLength)}… (${text.length} characters)` : text };
  } catch (thrown) {
    return { stateUnavailable: GodwitError.from(thrown).message };
  } finally {
    cancel();
  }
}

async function* traceEvents(
  node: Node,
  { actor, types }: TraceEventsRequest,
  { signal }: HandlerContext,
): AsyncGenerator<MessageInitShape<typeof TraceEventsResponseSchema>> {
  const unknown = types.find((type) => !Object.hasOwn(eventTypes, type));
  if (unknown !== undefined)
    throw new GodwitError('INVALID_ARGUMENT', `there is no event '${unknown.slice(0, 64)}'; there are ${Object.keys(eventTypes).join(', ')}`);
  const unread: Array<MessageInitShape<typeof TraceEventsResponseSchema>> = [];
  let lost = 0;
  let wake: () => void = () => {};
  const unobserve = node.observe((event) => {
    const concerned = actorOf(event);
    if ((actor !== '' && concerned !== actor && !concerned.startsWith(`${actor}/`)) || (types.length > 0 && !types.includes(event.type))) return;
    if (unread.length < maxUnreadEvents) unread.push(eventFrom(event.type, concerned, fieldsOf(event)));
    else lost += 1;
    wake();
  });
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    yield eventFrom('tracing', '', { node: node.name, boot: node.boot });
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      for (let next = unread.shift(); next !== undefined; next = unread.shift()) yield next;
      if (lost > 0) {
        yield eventFrom('lost', '', { events: lost });
        lost = 0;
      }
      if (unread.length === 0 && !signal.aborted) await woken;
    }
  } finally {
    unobserve();
  }
}

function actorOf(event: NodeEvent): string {
  if (event.type === 'moved') return event.report.actor;
  return 'actor' in event ? event.actor : '';
}

function fieldsOf(event: NodeEvent): object {
  const { type: _type, ...fields } = event;
  if ('report' in fields) return fields.report;
  return fields;
}

function eventFrom(type: string, actor: string, fields: object): MessageInitShape<typeof TraceEventsResponseSchema> {
  const { actor: _actor, ...others } = jsonFrom(fields);
  return { atMs: Date.now(), type, actor, fields: others };
}

/** What a Struct can carry of it. */
function jsonFrom(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
