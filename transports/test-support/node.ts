import type { ExecutionContext } from 'ava';
import type { Blobs, Pipe } from '#core';
import { type ConnectServer, type ConnectServerOptions, createConnectServer, sharedKey } from '../connect/index.js';
import { createMemoryBlobs } from '../memory/index.js';
import { nodeDigest } from './digest.js';

export const key = 'secret';

/** A server for the time of one test. */
export async function startNode(
  t: ExecutionContext,
  options: Partial<ConnectServerOptions> = {},
): Promise<{ server: ConnectServer; url: string; blobs: Blobs; pipes: Pipe[] }> {
  const blobs = options.blobs ?? createMemoryBlobs({ digest: nodeDigest });
  const pipes: Pipe[] = [];
  const server = await createConnectServer({ port: 0, auth: sharedKey(key), accept: (pipe) => void pipes.push(pipe), blobs, ...options });
  t.teardown(() => server.close());
  return { server, url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`, blobs, pipes };
}
