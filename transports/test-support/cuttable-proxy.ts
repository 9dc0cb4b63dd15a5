import net from 'node:net';

/** A TCP relay to a port of this machine, whose connections a test can break, or leave open and silent. */
export interface CuttableProxy {
  readonly port: number;
  /** Resets every connection. */
  cut(): void;
  /** Stops forwarding, both ways, without closing anything: what a cable pulled out looks like. */
  silence(): void;
  /** Calls `seen` with every piece that goes to the server, before it is forwarded. */
  onUp: (bytes: number) => void;
  /** The same for what comes from the server. */
  onDown: (bytes: number) => void;
  close(): Promise<void>;
}

export async function createCuttableProxy(target: number): Promise<CuttableProxy> {
  const sockets = new Set<net.Socket>();
  let silent = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    const join = (from: net.Socket, to: net.Socket) => {
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    };
    join(client, upstream);
    join(upstream, client);
    client.on('data', (chunk) => {
      proxy.onUp(chunk.length);
      if (!silent && !upstream.destroyed) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      proxy.onDown(chunk.length);
      if (!silent && !client.destroyed) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttableProxy = {
    port: (server.address() as net.AddressInfo).port,
    onUp: () => {},
    onDown: () => {},
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    silence() {
      silent = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return proxy;
}
