import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { PlainMessage, PlainPort } from './plain-port.js';

/** A message as its line says it: bytes are base64, as JSON has none. */
type Line = { readonly ask: boolean; readonly payload: unknown } | { readonly ask: boolean; readonly base64: string };

/** Plain messages over a socket as most programs begin: a line of JSON for each, written by itself. The socket stays its owner's. */
export class JsonLines extends EventEmitter<{ message: [PlainMessage] }> implements PlainPort {
  private rest = '';

  constructor(private readonly socket: Socket) {
    super();
    socket.setEncoding('utf8').on('data', (text: string) => this.receive(text));
  }

  postMessage(message: PlainMessage): void {
    this.socket.write(`${JSON.stringify(lineOf(message))}\n`);
  }

  private receive(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() as string;
    for (const line of lines) this.emit('message', messageOf(JSON.parse(line) as Line));
  }
}

function lineOf({ ask, payload }: PlainMessage): Line {
  return payload instanceof Uint8Array ? { ask, base64: Buffer.from(payload).toString('base64') } : { ask, payload };
}

function messageOf(line: Line): PlainMessage {
  return 'base64' in line ? { ask: line.ask, payload: Buffer.from(line.base64, 'base64') } : line;
}
