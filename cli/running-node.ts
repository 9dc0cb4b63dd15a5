// The running device or edge that a command asks: found by its options, called with deadlines, and every failure one clear line.
import { type Client, createClient } from '@connectrpc/connect';
import { GodwitError } from '#core';
import { listControlledDevices } from '#device-node';
import { calling, createLocalTransport, createServiceTransport } from '#transports/connect';
import { DeviceControl, Inspection } from '#transports/connect/control';
import { keyAdvice, keyFrom } from './key.js';

/** Options of commands that ask a device or an edge. */
export const nodeOptions = {
  device: { type: 'string' },
  edge: { type: 'string' },
  key: { type: 'string' },
  'key-file': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Options of commands that ask a device. */
export const deviceOptions = { device: nodeOptions.device, json: nodeOptions.json, help: nodeOptions.help } as const;

/** What is said of `--device`. */
export const deviceUsage = '  --device NAME      a device of this user that runs on this machine; needed if there are several';

/** What is said of {@link nodeOptions}, but --json and --help. */
export const nodeUsage = `${deviceUsage}
  --edge URL         instead: an edge, as http://host:port or https://host:port
  --key-file FILE    file with the key shared with the edge; or --key KEY, or GODWIT_KEY in the environment`;

/** Milliseconds for a question: a node that takes longer is stopped, or hopelessly busy. */
export const answerMs = 5000;
/** Milliseconds for a move: an acceptance may wait for a name, a large state travels. */
export const moveMs = 120_000;

/** A node that a command asks. */
export interface RunningNode {
  readonly inspection: Client<typeof Inspection>;
  /** The address of an actor; a device's own may be named without their home. @throws {GodwitError} INVALID_ARGUMENT */
  addressOf(actor: string): string;
  /** One call. @throws {GodwitError} as the node refused, or UNAVAILABLE, DEADLINE_EXCEEDED, with what was asked in the message */
  call<T>(timeoutMs: number, ask: (options: { readonly timeoutMs: number }) => Promise<T>): Promise<T>;
  /** What a stream brings until `signal` aborts; fails as `call` does, with UNAVAILABLE when the node ends it. */
  stream<T>(signal: AbortSignal, open: (options: { readonly signal: AbortSignal }) => AsyncIterable<T>): AsyncIterable<T>;
}

/** A device that a command asks. */
export interface RunningDevice extends RunningNode {
  readonly control: Client<typeof DeviceControl>;
}

/** @throws {GodwitError} INVALID_ARGUMENT the options name both, or several devices run · UNAVAILABLE no such device runs */
export async function runningNode(options: {
  readonly device?: string | undefined;
  readonly edge?: string | undefined;
  readonly key?: string | undefined;
  readonly 'key-file'?: string | undefined;
}): Promise<RunningNode> {
  const { device, edge } = options;
  if (edge === undefined) return runningDevice(device);
  if (device !== undefined) throw new GodwitError('INVALID_ARGUMENT', 'give --device or --edge, not both');
  const key = await keyFrom(options);
  if (key === undefined) throw new GodwitError('INVALID_ARGUMENT', `no shared key, and an edge answers nobody without one: ${keyAdvice}`);
  const inspection = createClient(Inspection, createServiceTransport(edge, { key }));
  return {
    inspection,
    addressOf(actor) {
      if (!actor.includes('/')) throw new GodwitError('INVALID_ARGUMENT', `an actor at an edge is named with its home, such as robot-1/${actor}`);
      return actor;
    },
    ...callsTo(`edge ${edge}`),
  };
}

/** Asks it for a sign of life first, so that a long call is only begun with one who answers. @throws {GodwitError} as {@link runningNode} */
export async function runningDevice(wanted: string | undefined): Promise<RunningDevice> {
  const { name, socket } = chosen(await listControlledDevices(), wanted);
  const transport = createLocalTransport(socket);
  const inspection = createClient(Inspection, transport);
  const calls = callsTo(`device ${name}`);
  await calls.call(answerMs, (options) => inspection.listActors({}, options));
  return {
    inspection,
    control: createClient(DeviceControl, transport),
    addressOf: (actor) => (actor.includes('/') ? actor : `${name}/${actor}`),
    ...calls,
  };
}

function chosen<D extends { readonly name: string }>(devices: readonly D[], wanted: string | undefined): D {
  const names = devices.map(({ name }) => name).join(', ');
  const device = wanted === undefined ? devices[0] : devices.find(({ name }) => name === wanted);
  if (wanted === undefined && devices.length > 1)
    throw new GodwitError('INVALID_ARGUMENT', `several devices run here: choose one of ${names} with --device NAME`);
  if (device !== undefined) return device;
  const missing = wanted === undefined ? 'no device of this user runs here with a control socket' : `device ${wanted} does not run here`;
  const advice = names === '' ? 'start one with `godwit device`, or with startDevice({ control: true })' : `there are ${names}`;
  throw new GodwitError('UNAVAILABLE', `${missing}: ${advice}`);
}

function callsTo(where: string): Pick<RunningNode, 'call' | 'stream'> {
  const failure = (thrown: unknown, timeoutMs: number, silent: boolean): GodwitError => {
    const error = GodwitError.from(thrown);
    if (error.code === 'DEADLINE_EXCEEDED' && silent)
      return new GodwitError(error.code, `${where} did not answer within ${timeoutMs / 1000} s: it is stopped, or busy`, { cause: error });
    // Nobody here cancels: the node went away while it was asked.
    if (error.code === 'CANCELLED') return new GodwitError('UNAVAILABLE', `${where} ended the connection`, { cause: error });
    if (error.code === 'UNAVAILABLE' && !error.message.startsWith(where)) return new GodwitError(error.code, `${where}: ${error.message}`, { cause: error });
    // The node's own answers: that its move ran out of time, or that a module cannot be built, which is no fault of the command line.
    const isAnswer = error.code === 'INVALID_ARGUMENT' || error.code === 'DEADLINE_EXCEEDED';
    return isAnswer ? new GodwitError('FAILED_PRECONDITION', error.message, { cause: error }) : error;
  };
  return {
    async call(timeoutMs, ask) {
      const begunAt = performance.now();
      try {
        return await calling(where, () => ask({ timeoutMs }));
      } catch (thrown) {
        throw failure(thrown, timeoutMs, performance.now() - begunAt >= timeoutMs);
      }
    },
    async *stream(signal, open) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), answerMs);
      const items = open({ signal: AbortSignal.any([signal, late.signal]) })[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await calling(where, () => items.next());
          clearTimeout(timer);
          if (next.done === true) throw new GodwitError('UNAVAILABLE', `${where} has ended`);
          yield next.value;
        }
      } catch (thrown) {
        if (signal.aborted) return;
        const silent = late.signal.aborted;
        throw failure(silent ? new GodwitError('DEADLINE_EXCEEDED', 'no answer', { cause: thrown }) : thrown, answerMs, silent);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
