// The Inspection service of a node, on a device and on an edge alike: what is there, what is in it, what happens. It changes nothing.
import { inspect } from 'node:util';
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { type ActorInfo, type Cancel, type Clock, GodwitError, type MoveReport, type Node, type NodeEvent, type Where } from '#core';
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
/** Actors whose last move is remembered. */
const maxMoves = 4096;

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

type AwayActor = ReturnType<NonNullable<InspectionOptions['away']>>[number];
type ActorMessage = MessageInitShape<typeof ActorSchema>;

/** Watches the node from now on. @returns what registers the service @public */
export function createInspection({ node, clock, away = () => [] }: InspectionOptions): (router: ConnectRouter) => void {
  const moves = followMoves(node);
  const here = (info: ActorInfo) => messageFromInfo(info, moves.get(info.address));
  return (router) =>
    router.service(Inspection, {
      listActors() {
        const infos = node.actors();
        const present = new Set(infos.map(({ address }) => address));
        const absent = away().filter(({ actor }) => !present.has(actor));
        return {
          node: node.name,
          boot: node.boot,
          actors: [...infos.map(here), ...absent.map((actor) => messageFromAway(actor, node.where(actor.actor), moves.get(actor.actor)))],
        };
      },
      inspectActor: async ({ actor }) => inspectActor(node, clock, actor, here),
      traceEvents: (request, context) => traceEvents(node, request, context),
    });
}

/** Each actor's last move that the node reported, from now on. */
function followMoves(node: Node): ReadonlyMap<string, MoveReport> {
  const moves = new Map<string, MoveReport>();
  node.observe((event) => {
    if (event.type === 'stopped') moves.delete(event.actor);
    if (event.type !== 'moved') return;
    moves.set(event.report.actor, event.report);
    const [oldest] = moves.keys();
    if (moves.size > maxMoves && oldest !== undefined) moves.delete(oldest);
  });
  return moves;
}

function messageFromInfo(info: ActorInfo, move: MoveReport | undefined): ActorMessage {
  const { address, definition, version, node, tier = '', place = '', epoch, turns, mailboxRecords } = info;
  const counts = { epoch: BigInt(epoch), turns: BigInt(turns), mailboxRecords: BigInt(mailboxRecords) };
  return { address, definition, version, node, tier, place, ...counts, ...stallOf(move) };
}

function messageFromAway({ actor: address, definition, version, host }: AwayActor, where: Where | undefined, move: MoveReport | undefined): ActorMessage {
  const { node, epoch } = where ?? { node: host, epoch: 0 };
  // Where it was moved to is known; what became of it since a later epoch is not.
  const tier = move?.epoch === epoch ? move.to.tier : '';
  return { address, definition, version, node, tier, epoch: BigInt(epoch), ...stallOf(move) };
}

function stallOf(move: MoveReport | undefined): Pick<ActorMessage, 'lastStallMs'> {
  return move === undefined ? {} : { lastStallMs: move.stallMs };
}

async function inspectActor(
  node: Node,
  clock: Clock,
  address: string,
  here: (info: ActorInfo) => ActorMessage,
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
