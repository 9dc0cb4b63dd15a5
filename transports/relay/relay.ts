import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Clock, GodwitError } from '#core';
import { systemClock } from '../clock.js';
import { type Conditions, Lane, sever } from './lane.js';

/** Which way: 'up' from those who dial the relay to its target, 'down' back, or both. @public */
export type Direction = 'up' | 'down' | 'both';

/** What {@link relay} takes. @public */
export interface RelayOptions {
  /** Where connections lead. */
  readonly to: { readonly host: string; readonly port: number };
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Chooses the jitter: the n-th piece of the m-th connection gets the same share of it under the same seed. Default 1. */
  readonly seed?: number;
  readonly clock?: Clock;
  /** Told the length of every piece that comes, before any of it leaves, and where it goes. It may change conditions, or reset. */
  readonly onPiece?: (bytes: number, direction: 'up' | 'down') => void;
}

/**
 * A TCP proxy that does to connections what networks do. Bytes pass unharmed and in order, or not at all; a slow reader slows its sender
 * down; each connection holds up to 2 MiB each way. Changes concern all connections, those there are and those to come.
 * @public
 */
export interface Relay extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
  /** Open connections, those waiting behind a stall among them. */
  readonly connections: number;
  /** Time every piece takes beside what it takes anyhow, milliseconds ≥ 0; it adds to the round trip once per direction. */
  delay(delayMs: number, direction?: Direction): void;
  /** Up to this much more, milliseconds ≥ 0, by the seed; order is kept, so a late piece delays those behind it. */
  jitter(jitterMs: number, direction?: Direction): void;
  /** Bytes per second of each connection, > 0; Infinity lifts it. */
  rate(bytesPerSecond: number, direction?: Direction): void;
  /** Holds everything, even that a connection was closed or reset: a cable pulled out. New connections open, and are silent. */
  stall(direction?: Direction): void;
  /** Ends a stall: what was held leaves, in order. */
  flow(direction?: Direction): void;
  /** Resets every connection at both ends (ECONNRESET); what had not left is lost. */
  reset(): void;
  /** Resets whoever dials from now on; connections there are go on. */
  refuse(): void;
  /** Ends {@link refuse}. */
  accept(): void;
  /** Resets every connection and listens no more. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a {@link Relay}.
 * @throws {GodwitError} INVALID_ARGUMENT a port out of range · ALREADY_EXISTS the port is in use · UNAVAILABLE the address is none of this machine
 * @public
 */
export async function relay(options: RelayOptions): Promise<Relay> {
  const running = new TcpRelay(options);
  await running.listen();
  return running;
}

class TcpRelay implements Relay {
  readonly host: string;
  private readonly up = unharmed();
  private readonly down = unharmed();
  private readonly pairs = new Set<Pair>();
  // Half-open connections are the ends' own affair: the relay closes a direction when its sender did.
  private readonly server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.join(client));
  private readonly clock: Clock;
  private refusing = false;
  private joined = 0;
  private closing: Promise<void> | undefined;
  private emptied: () => void = () => {};

  constructor(private readonly options: RelayOptions) {
    this.host = options.host ?? '127.0.0.1';
    this.clock = options.clock ?? systemClock;
  }

  async listen(): Promise<void> {
    const { port = 0, to } = this.options;
    for (const number of [port, to.port]) checkNumber('port', number, number >= 0 && number < 65_536 && Number.isInteger(number));
    this.server.listen(port, this.host);
    try {
      await once(this.server, 'listening');
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'ALREADY_EXISTS' : 'UNAVAILABLE';
      throw new GodwitError(code, `relay to ${to.host}:${to.port} cannot listen on ${this.host}:${port}: ${(thrown as Error).message}`, { cause: thrown });
    }
  }

  get port(): number {
    return (this.server.address() as AddressInfo | null)?.port ?? 0;
  }

  get url(): string {
    return `http://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  get connections(): number {
    return this.pairs.size;
  }

  delay(delayMs: number, direction: Direction = 'both'): void {
    checkNumber('delay in milliseconds', delayMs, delayMs >= 0 && delayMs < Number.POSITIVE_INFINITY);
    this.change(direction, { delayMs });
  }

  jitter(jitterMs: number, direction: Direction = 'both'): void {
    checkNumber('jitter in milliseconds', jitterMs, jitterMs >= 0 && jitterMs < Number.POSITIVE_INFINITY);
    this.change(direction, { jitterMs });
  }

  rate(bytesPerSecond: number, direction: Direction = 'both'): void {
    checkNumber('rate in bytes per second', bytesPerSecond, bytesPerSecond > 0);
    this.change(direction, { bytesPerSecond });
  }

  stall(direction: Direction = 'both'): void {
    this.change(direction, { flowing: false });
  }

  flow(direction: Direction = 'both'): void {
    this.change(direction, { flowing: true });
  }

  reset(): void {
    for (const pair of [...this.pairs]) pair.reset();
  }

  refuse(): void {
    this.refusing = true;
  }

  accept(): void {
    this.refusing = false;
  }

  close(): Promise<void> {
    this.closing ??= Promise.all([
      new Promise<void>((resolve) => {
        this.server.close(() => resolve());
      }),
      // The server knows of the ends that dialled only.
      this.pairs.size === 0
        ? undefined
        : new Promise<void>((resolve) => {
            this.emptied = resolve;
            this.reset();
          }),
    ]).then(() => undefined);
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private change(direction: Direction, conditions: Partial<Conditions>): void {
    if (direction !== 'down') Object.assign(this.up, conditions);
    if (direction !== 'up') Object.assign(this.down, conditions);
    for (const pair of this.pairs) pair.pump();
  }

  private join(client: Socket): void {
    if (this.refusing || this.closing !== undefined) {
      client.on('error', () => {});
      sever(client);
      return;
    }
    const { to, seed = 1, onPiece = () => {} } = this.options;
    const target = connect({ ...to, allowHalfOpen: true, noDelay: true });
    const number = this.joined++;
    const pair = new Pair(client, target, [
      new Lane(client, target, this.up, this.clock, sharesFrom(seed, 2 * number), (bytes) => onPiece(bytes, 'up')),
      new Lane(target, client, this.down, this.clock, sharesFrom(seed, 2 * number + 1), (bytes) => onPiece(bytes, 'down')),
    ]);
    this.pairs.add(pair);
    const left = () => {
      if (client.destroyed && target.destroyed && this.pairs.delete(pair) && this.pairs.size === 0) this.emptied();
    };
    client.on('close', left);
    target.on('close', left);
  }
}

/** The two sockets of a relayed connection. */
class Pair {
  constructor(
    private readonly client: Socket,
    private readonly target: Socket,
    private readonly lanes: readonly [Lane, Lane],
  ) {}

  pump(): void {
    for (const lane of this.lanes) lane.pump();
  }

  reset(): void {
    sever(this.client);
    sever(this.target);
  }
}

function unharmed(): Conditions {
  return { delayMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, flowing: true };
}

/**
 * Numbers from 0 to 1, the same ones for the same seed and lane.
 * @see splitmix32, after Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
 */
function sharesFrom(seed: number, lane: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(lane + 1, 0x85ebca6b)) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function checkNumber(what: string, value: number, isValid: boolean): void {
  if (!isValid) throw new GodwitError('INVALID_ARGUMENT', `the ${what} of a relay cannot be ${value}`);
}
