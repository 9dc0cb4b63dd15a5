// What a peer says beside records, read field by field: nothing goes on into the node that is not of the form its code counts on. Each
// refusal names the message and the field. Fields this version does not know are left alone.
import { decode } from '../codec/index.js';
import { isTraceContext } from '../delivery/trace-context.js';
import { GodwitError } from '../errors.js';
import { defaultTimings, type MigrationMessage, receiversOf, type Timings } from '../migration/index.js';
import { sameNode } from '../migration/types.js';
import type { Target } from '../ports/runtime.js';
import { lie } from './conduct.js';
import type { Directory } from './directory.js';
import type { BounceAnswer, ControlMessage, Peer } from './link.js';
import { outgoingRefs } from './refs.js';

/** Bytes of one message beside records: the largest, a durable turn's journal, holds the payloads it sent, and no transport takes a longer frame. */
export const maxMessageBytes = 64 * 1024 * 1024;
/** Bytes of what opens or refuses a stream: two addresses and the names of a definition's messages. */
const maxOpeningBytes = 1024 * 1024;
/** Levels of children and the names on them: `checkName` allows 128 each. */
const maxAddressUnits = 4096;
/** Names of nodes, boots, moves, definitions, and short texts for reports. */
const maxTextUnits = 1024;
/** Epochs, incarnations, turns and numbers of messages: no actor gets there, and sums of them stay exact. */
const maxCount = 2 ** 48;
/** Blobs of one module. */
const maxBlobs = 4096;
/** No home leases longer: an owner that is lost is missed for a lease. */
const longestLeaseMs = 3_600_000;
/** A peer's own timings are taken within these bounds: shorter ones would make this node busy, longer ones keep reservations for ever. */
const shortestTimingMs = 10;
const longestTimingMs = 3_600_000;

/** What opens a stream. */
export interface OpenBody {
  readonly from: Target;
  readonly life: string;
  readonly incarnation: number;
  readonly epoch: number;
  readonly to: string;
  /** The life of the receiver whose asks this stream answers, if it answers any. */
  readonly toLife?: string | undefined;
  /** Number of the first record that follows: what came before it was acknowledged. */
  readonly first: number;
}

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string' && value.length <= maxTextUnits;
const isName: Check = (value) => isText(value) && value !== '';
const isAddress: Check = (value) => typeof value === 'string' && value !== '' && value.length <= maxAddressUnits;
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxCount;
const isOrdinal: Check = (value) => isCount(value) && value !== 0;
const isTime: Check = (value) => Number.isFinite(value);
const isLease: Check = (value) => isTime(value) && (value as number) > 0 && (value as number) <= longestLeaseMs;
const isHash: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isBytes: Check = (value) => value instanceof Uint8Array;
/** Infinite for what has no deadline. */
const isRemaining: Check = (value) => typeof value === 'number' && !Number.isNaN(value);
const isFlag: Check = (value) => typeof value === 'boolean';
const isObject: Check = (value) => typeof value === 'object' && value !== null;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const hashes: Check = (value) => Array.isArray(value) && value.length <= maxBlobs && value.every(isHash);
const of =
  (shape: Shape): Check =>
  (value) =>
    isObject(value) && wrongField(value as object, shape) === undefined;

const isNode = of({ name: isName, boot: isName });
const isBase = of({ hash: isHash, turns: isCount });
const isRegister = of({ epoch: isOrdinal, owner: isNode, standby: optional(isNode), base: optional(isBase), leaseMs: isLease, move: isName });
const isDelta = of({
  on: isHash,
  head: isBytes,
  splices: (value) => Array.isArray(value) && value.every(of({ at: isCount, drop: isCount, bytes: isBytes })),
});
const isRecord = of({
  kind: isName,
  number: isOrdinal,
  message: isText,
  correlation: isCount,
  remainingMs: isRemaining,
  payload: optional(isBytes),
  trace: optional(isTraceContext),
});
const isJournal = of({
  turn: isCount,
  input: of({
    from: of({ $address: isAddress, $protocol: of({ definition: isName, version: isCount, messages: isObject }) }),
    life: isText,
    incarnation: isOrdinal,
    epoch: isOrdinal,
    record: isRecord,
  }),
  outputs: (value) => Array.isArray(value) && value.every(of({ to: isAddress, record: isRecord })),
});
const isProposal = of({
  move: isName,
  expect: of({ owner: isNode, epoch: isOrdinal }),
  next: of({ owner: isNode, base: optional(isBase), standby: optional(isNode) }),
});
const isPlace = of({ node: isText, tier: isText, place: isText });
const isReport = of({
  move: isText,
  actor: isAddress,
  from: isPlace,
  to: isPlace,
  trigger: isText,
  epoch: isOrdinal,
  stallMs: isTime,
  totalMs: isTime,
  bytes: of({ module: isCount, capture: isCount, models: isCount }),
  warm: isFlag,
  stateHash: of({ before: isText, after: isText }),
});

const openShape: Shape = {
  from: of({ $address: isAddress, $protocol: of({ definition: isName, version: isCount, messages: isObject }) }),
  life: isText,
  incarnation: isOrdinal,
  epoch: isOrdinal,
  to: isAddress,
  toLife: optional(isText),
  first: isOrdinal,
};
const answerShape: Shape = {
  node: optional(isName),
  epoch: optional(isCount),
  address: optional(isText),
  home: optional(isName),
  term: optional(isOrdinal),
  fenced: optional(isFlag),
  coming: optional(isFlag),
  reborn: optional(isText),
};

/** Of the messages this version knows; of others `type` alone is read. */
const controlShapes: Readonly<Record<string, Shape>> = {
  arrived: { move: isName, tier: isName, place: isText, stateHash: isText },
  checkpoint: { actor: isAddress, epoch: isOrdinal, turns: isCount, hash: isHash, bytes: optional(isBytes), delta: optional(isDelta) },
  'checkpoint-wanted': { actor: isAddress, hash: isHash },
  journal: { actor: isAddress, epoch: isOrdinal, sequence: isCount, journal: isJournal },
  journaled: { actor: isAddress, sequence: isCount },
  'base-wanted': { actor: isAddress, hash: isHash },
  base: { hash: isHash, bytes: optional(isBytes), error: optional(isObject) },
  ended: { actor: isAddress, epoch: isOrdinal, lost: optional(isFlag) },
  'ended-heard': { actor: isAddress, epoch: isOrdinal },
  disowned: { actor: isAddress },
  recall: {
    id: isCount,
    actor: isAddress,
    trigger: isText,
    onward: optional(of({ node: isName, address: optional(isText), token: optional(isText) })),
    trace: optional(isTraceContext),
  },
  rehome: { actor: isAddress, term: isOrdinal, attempt: isName, register: isRegister, manifest: optional(isObject), journal: optional(isJournal) },
  rehomed: { actor: isAddress, home: isName, term: isOrdinal },
  'rehome-refused': { actor: isAddress, attempt: isText, error: isObject, gone: optional(isFlag) },
  'rehome-wanted': { actor: isAddress, to: isName },
  recalled: { id: isCount, report: optional(isReport), error: optional(isObject) },
  migration: { message: isObject },
};

const headShape: Shape = { move: isName, actor: isAddress, epoch: isOrdinal, from: isNode };
const migrationShapes: { readonly [T in MigrationMessage['type']]: Shape } = {
  prepare: { target: isNode, home: isName, term: optional(isOrdinal), token: optional(isText), blobs: hashes, expectedBytes: isCount, timings: isObject },
  prepared: { missing: hashes },
  blobs: { hashes },
  warmed: {},
  capture: { capture: of({ hash: isHash, turns: isCount, sizeBytes: isCount }), bytes: optional(isBytes) },
  ready: { hash: isHash },
  refused: { reason: isObject },
  cancel: { reason: isObject },
  propose: { proposal: isProposal, askedAtMs: isTime },
  decided: { won: isFlag, register: isRegister, askedAtMs: isTime },
  grant: { owner: isNode, leaseMs: isLease, askedAtMs: optional(isTime) },
  running: {},
  stable: { base: isBase, standby: isNode },
  query: { askedAtMs: isTime },
  registered: { register: isRegister },
};

/** @throws {GodwitError} DATA_LOSS, INVALID_ARGUMENT or RESOURCE_EXHAUSTED: no honest peer opens a stream like this */
export function parseOpen(body: Uint8Array): OpenBody {
  return checked(body, openShape, 'the opening of a stream', maxOpeningBytes) as OpenBody;
}

/** @throws {GodwitError} as {@link parseOpen} */
export function parseAnswer(body: Uint8Array): BounceAnswer {
  return checked(body, answerShape, 'the answer to a stream', maxOpeningBytes) as BounceAnswer;
}

/** The message with its type. @throws {GodwitError} as {@link parseOpen}, unless it has a type and can be decoded */
export function readControl(body: Uint8Array): ControlMessage {
  return checked(body, { type: isName }, 'a message', maxMessageBytes) as ControlMessage;
}

/**
 * A message this node may act upon, of whatever type; undefined for one of a home it has not heard of yet, which is asked about it again.
 * @param directory whose word counts as a home's
 * @param nowMs on this node's clock: an answer to a question that is still to be asked is none
 * @throws {GodwitError} INVALID_ARGUMENT the field that is malformed · PERMISSION_DENIED the peer has no say in it
 */
export function parseControl(received: ControlMessage, peer: Peer, directory: Directory, nowMs: number): ControlMessage | undefined {
  const { type } = received;
  const shape = Object.hasOwn(controlShapes, type) ? controlShapes[type] : {};
  const wrong = wrongField(received, shape);
  if (wrong !== undefined) throw malformed(`'${type}'`, wrong);
  if (type !== 'migration') return received;
  const { message } = received as ControlMessage & { readonly message: MigrationMessage };
  const parsed = parseMigration(message, peer, directory, nowMs);
  return parsed === undefined ? undefined : ({ ...received, message: parsed } as ControlMessage);
}

function parseMigration(message: MigrationMessage, peer: Peer, directory: Directory, nowMs: number): MigrationMessage | undefined {
  const type = String(message.type).slice(0, maxTextUnits);
  if (!Object.hasOwn(receiversOf, message.type)) throw malformed(`'${type}' of a move`, 'type');
  const wrong = wrongField(message, headShape) ?? wrongField(message, migrationShapes[message.type]);
  if (wrong !== undefined) throw malformed(`'${type}' of a move`, wrong);
  if (isTheHomes(message) && directory.isNews(message.actor, peer.node)) return undefined;
  const denied = deniedTo(message, peer, directory, nowMs);
  if (denied !== undefined) throw new GodwitError('PERMISSION_DENIED', `'${type}' of ${message.actor} by node ${peer.node} refused: ${denied}`);
  return message.type === 'prepare' ? { ...message, timings: boundTimings(message.timings) } : message;
}

/** What the address and the message itself say against it; what moves and registers say is `authority.ts`. */
function deniedTo(message: MigrationMessage, peer: Peer, directory: Directory, nowMs: number): string | undefined {
  const home = directory.homeOf(message.actor);
  if (isTheHomes(message)) {
    if (peer.node !== home) return `the home is ${home}`;
    // The answer repeats this node's own time: a later one would stretch the lease.
    if (message.type !== 'registered' && (message.askedAtMs ?? 0) > nowMs) return `it answers a question of ${message.askedAtMs} ms at ${nowMs} ms`;
  } else if (message.type === 'propose') {
    const { move, expect } = message.proposal;
    if (move !== message.move || expect.epoch !== message.epoch)
      return `it proposes move ${move} at epoch ${expect.epoch} as ${message.move} at ${message.epoch}`;
    if (!sameNode(expect.owner, message.from)) return `it proposes for ${expect.owner.name}`;
  }
  return undefined;
}

/** What the home alone says. */
function isTheHomes(message: MigrationMessage): message is Extract<MigrationMessage, { readonly type: 'grant' | 'decided' | 'registered' }> {
  return message.type === 'grant' || message.type === 'decided' || message.type === 'registered';
}

function boundTimings(received: Partial<Timings>): Timings {
  const bound = ([name, value]: [string, number]): [string, number] => {
    const theirs = received[name as keyof Timings];
    return [name, Number.isFinite(theirs) ? Math.min(longestTimingMs, Math.max(shortestTimingMs, theirs as number)) : value];
  };
  return Object.fromEntries(Object.entries(defaultTimings).map(bound)) as unknown as Timings;
}

function checked(body: Uint8Array, shape: Shape, what: string, maxBytes: number): unknown {
  if (body.length > maxBytes) throw lie('control', `${what} has ${body.length} bytes, limit ${maxBytes}`, 'RESOURCE_EXHAUSTED');
  const value = decode(body, outgoingRefs);
  if (!isObject(value)) throw malformed(what, 'type');
  const wrong = wrongField(value as object, shape);
  if (wrong !== undefined) throw malformed(what, wrong);
  return value;
}

function wrongField(value: object, shape: Shape): string | undefined {
  for (const field of Object.keys(shape)) if (!shape[field]((value as Record<string, unknown>)[field])) return field;
  return undefined;
}

function malformed(what: string, field: string): GodwitError {
  return lie('control', `${what} is malformed: field '${field}'`, 'INVALID_ARGUMENT');
}
