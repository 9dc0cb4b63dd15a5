// The least that moving bytes can cost: they are written to an open TCP connection, and one byte comes back when all are there.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const prefixBytes = 4;

/** The receiving side: length u32, then as many bytes; answers with one byte. */
export function serveSink(socket: Socket): void {
  const prefix = Buffer.alloc(prefixBytes);
  let missing = 0;
  let prefixed = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (prefixed < prefixBytes) {
        prefix[prefixed++] = chunk[at++];
        if (prefixed === prefixBytes) missing = prefix.readUInt32LE(0);
        continue;
      }
      const taken = Math.min(missing, chunk.length - at);
      missing -= taken;
      at += taken;
      if (missing === 0) {
        prefixed = 0;
        socket.write('.');
      }
    }
  });
}

/** The sending side. */
export interface Sink {
  /** @returns milliseconds until the answer @param length bytes, > 0 */
  send(length: number): Promise<number>;
  close(): void;
}

export async function openSink(port: number): Promise<Sink> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return {
    async send(length) {
      const bytes = Buffer.alloc(prefixBytes + length, 7);
      bytes.writeUInt32LE(length, 0);
      const answered = once(socket, 'data');
      const startedAt = performance.now();
      socket.write(bytes);
      await answered;
      return performance.now() - startedAt;
    },
    close: () => void socket.destroy(),
  };
}
