import type { Holder } from '../actors/ref.js';
import { type AnyRef, dispatch, type RefCore } from '../actors/ref.js';
import type { Parent } from '../actors/spawn.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { forgetCredit } from './channel-outlet.js';
import { createEndpoint, type Endpoint } from './endpoint.js';
import type { Overflow } from './flow.js';
import { Hub } from './hub.js';
import type { HubOptions } from './hub-state.js';

/** What {@link channel} takes. @public */
export interface ChannelOptions {
  /** 'one' (default): one holder receives at the far end at a time. 'many': any number, each every value sent after it came. */
  readonly to?: 'one' | 'many';
  /** Whether the near end stays on the node where the channel is made ('static', default), or goes wherever its holder does. */
  readonly near?: 'static' | 'flexible';
  /** The same of the far end; default 'flexible'. */
  readonly far?: 'static' | 'flexible';
  /**
   * Values of one sender for which there is room until their receivers have handled them, 1 to 2^20; default 32. Up to half of them (1 to 32) are under
   * way to a receiver.
   */
  readonly capacity?: number;
  /** What happens to a value for which a receiver has no room: its sender waits (default), or the oldest or the newest value is dropped for that receiver. */
  readonly overflow?: Overflow;
  /** One-to-many: how many of the latest values somebody gets who comes late; default 0. */
  readonly replay?: number;
  /** One-to-many, with 'wait': a receiver that handles nothing for so many milliseconds while it makes senders wait is dropped, and told; default 10 000. */
  readonly unreachableMs?: number;
}

/** Both ends of a channel. @public */
export interface Channel<There, Back> {
  /** Sends `There`, receives `Back`. */
  readonly near: Endpoint<There, Back>;
  /** Receives `There`, sends `Back`; to be given away. */
  readonly far: Endpoint<Back, There>;
}

/**
 * Makes an elastic channel, or comes back to the one of that name: asynchronous, in order, each value once, both ways, whatever node its ends are on
 * and wherever their holders move meanwhile (the paper's elastic channel, sec. 2.3). It lives where it is made, as an actor: until it is closed, or its
 * node ends; a closed one until a minute has passed and every value was handled, or an hour in which nobody received. A value sent is encoded there and then: receivers get copies.
 * @param parent a device, a node, or the context of an actor, which the channel ends with; made by an actor that is away it is known on that edge only
 * @param name unique among the actors of its parent
 * @throws {GodwitError} INVALID_ARGUMENT a bad name or option · ALREADY_EXISTS an actor has this name
 * @public
 */
export function channel<There, Back = never>(parent: Parent, name: string, options: ChannelOptions = {}): Channel<There, Back> {
  const compiled = compile(name, options);
  const hub = spawn(parent, Hub, name);
  dispatch(hub, 'open', compiled);
  const { $address } = hub as AnyRef;
  const holder: Holder = (hub as unknown as RefCore).$holder;
  forgetCredit(holder, $address);
  return {
    near: createEndpoint($address, 'near', holder) as unknown as Endpoint<There, Back>,
    far: createEndpoint($address, 'far', holder) as unknown as Endpoint<Back, There>,
  };
}

const overflows: readonly unknown[] = ['wait', 'drop-oldest', 'drop-newest'] satisfies Overflow[];

function compile(name: string, options: ChannelOptions): HubOptions {
  const { to = 'one', near = 'static', far = 'flexible', capacity = 32, overflow = 'wait', replay = 0, unreachableMs = 10_000 } = options;
  const check = (valid: boolean, what: string) => {
    if (!valid) throw new GodwitError('INVALID_ARGUMENT', `channel ${name}: ${what}`);
  };
  check(to === 'one' || to === 'many', `'to' is 'one' or 'many', not '${to}'`);
  for (const [end, place] of Object.entries({ near, far }))
    check(place === 'static' || place === 'flexible', `'${end}' is 'static' or 'flexible', not '${place}'`);
  check(Number.isInteger(capacity) && capacity >= 1 && capacity <= maxCapacity, `capacity is an integer from 1 to ${maxCapacity}, not ${capacity}`);
  check(overflows.includes(overflow), `overflow is one of ${overflows.join(', ')}, not '${overflow}'`);
  check(Number.isInteger(replay) && replay >= 0 && replay <= capacity, `replay is an integer from 0 to capacity (${capacity}), not ${replay}`);
  check(unreachableMs > 0, `unreachableMs is above 0, not ${unreachableMs}`);
  return { many: to === 'many', near, far, capacity, overflow, replay, unreachableMs };
}

/** As many as a mailbox holds. */
const maxCapacity = 1 << 20;
